"""Which process is which: names that outlive a reused process id."""

import os
import socket
from pathlib import Path

HOST = socket.gethostname()


def this_process() -> str:
    """Return `host:pid:start time` of the calling process."""
    return name_of(os.getpid())


def name_of(pid: int) -> str:
    return f"{HOST}:{pid}:{_start_time(pid)}"


def is_alive(name: str) -> bool | None:
    """Whether a process named by `this_process` lives; None if on another host."""
    where, pid, started = name.rsplit(":", 2) if name.count(":") >= 2 else ("", "", "")
    if where != HOST:
        return None
    return _start_time(int(pid)) == started


def _start_time(pid: int) -> str:
    """Return the kernel's start time of a process, "" if it is dead or a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return ""
    state, *fields = stat.rpartition(")")[2].split()
    return "" if state in {"Z", "X"} else fields[18]
