"""Start PHP, follow it to its end, and leave nothing of it behind.

It runs in its own process group, with a clean environment, no terminal, a deadline and
a memory limit. It dies with the process that started it.
"""

import codecs
import fcntl
import hashlib
import os
import re
import resource
import select
import signal
import subprocess
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from tenants.errors import VMoodleError

TICK = 0.5  # seconds between two signs of life of a silent script
GRACE = 5.0  # seconds between SIGTERM and SIGKILL
MEMORY = 4 * 1024**3  # bytes of address space: an endless prompt eats it all
LONGEST = 16 * 1024**2  # characters of one line; what comes then is another one
# What Moodle prints below the message of an exception.
STACK_FRAME = re.compile(r"\s*(\* line \d+ of |#\d+ /)")
MARKER = "VMOODLE_JOB"  # names the job in the environment of its children
OPENSSL = Path(__file__).parent / "moodle" / "openssl.cnf"  # MNet needs RC4

Lines = Generator[str | None, None, int]


class PhpError(VMoodleError):
    """A script could not be started, failed, or ran out of time."""


def as_web_user(job: int | None) -> list[str]:
    """Return what makes the command run as the web server's user, if it must."""
    if not settings.VMOODLE_WEB_USER:
        return []
    # sudo drops the environment, and its child is not ours to limit: behind it.
    given = [f"OPENSSL_CONF={OPENSSL}", *([f"{MARKER}={mark(job)}"] if job else [])]
    limits = ["prlimit", f"--as={MEMORY}", "setpriv", "--pdeathsig", "KILL"]
    return [*_sudo(), *limits, "env", *given]


def _sudo() -> list[str]:
    return ["sudo", "-n", "-u", settings.VMOODLE_WEB_USER, "--"]


def environment(job: int | None) -> dict[str, str]:
    # An inherited REMOTE_ADDR or HTTP_HOST makes Moodle's scripts refuse.
    clean = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
    clean["OPENSSL_CONF"] = str(OPENSSL)
    return clean | ({MARKER: mark(job)} if job else {})


def mark(job: int) -> str:
    """Return the job's name on this host, where another VMoodle may run as well."""
    return f"{_installation(settings.SECRET_KEY, settings.VAR_DIR)}.{job}"


@lru_cache(1)
def _installation(key: str, home: Path) -> str:
    return hashlib.sha256(f"{key} {home}".encode()).hexdigest()[:16]


def follow(
    argv: list[str], job: int | None, seconds: float, tail: deque[str], stdin: str
) -> Lines:
    with (
        _pipe() as (output, printed),
        _started(argv, job, stdin, (printed, printed)) as process,
    ):
        yield from _lines(_pieces(process.pid, output, seconds), tail)
        return process.wait()


@contextmanager
def _pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()  # as numbers: files cost more than all that is done with them
    try:
        yield ends
    finally:
        for end in ends:
            os.close(end)


@contextmanager
def _started(
    argv: list[str], job: int | None, stdin: str, printed: tuple[int, int]
) -> "Iterator[subprocess.Popen[bytes]]":
    """Start it; its group dies with our process, and is gone at the end of this."""
    with (
        _pipe() as (theirs, _ours),
        _start(argv, job, stdin, printed, theirs) as process,
    ):
        try:
            if not settings.VMOODLE_WEB_USER:  # calls are cheaper than programs
                _limit(process.pid, theirs)
            yield process
        finally:
            end_group(process)


def _start(
    argv: list[str], job: int | None, stdin: str, printed: tuple[int, int], theirs: int
) -> "subprocess.Popen[bytes]":
    with _input(stdin) as given:
        try:
            return subprocess.Popen(  # noqa: S603 - an argument list, no shell
                argv,
                stdin=given,
                stdout=printed[0],
                stderr=printed[1],
                env=environment(job),
                start_new_session=True,
                pass_fds=(theirs,),
            )
        except OSError as error:
            raise PhpError(f"{argv[0]} cannot be started: {error.strerror}") from error


def _limit(group: int, pipe: int) -> None:
    """Limit the memory of a script, and its life to that of our process.

    The kernel kills its group once nobody holds the other end of the pipe.
    """
    try:
        with suppress(ProcessLookupError):
            resource.prlimit(group, resource.RLIMIT_AS, (MEMORY, MEMORY))
            fcntl.fcntl(pipe, fcntl.F_SETOWN, -group)
            fcntl.fcntl(pipe, fcntl.F_SETSIG, signal.SIGKILL)
            fcntl.fcntl(pipe, fcntl.F_SETFL, os.O_ASYNC)
    except OSError as error:
        raise PhpError(f"a script cannot be limited: {error.strerror}") from error


@contextmanager
def _input(text: str) -> Iterator[int]:
    """Open what a script shall read: in memory, since it may hold a password."""
    if not text:
        yield subprocess.DEVNULL
        return
    with os.fdopen(os.memfd_create("stdin"), "w", encoding="utf-8") as file:
        file.write(text)
        file.seek(0)  # which flushes
        yield file.fileno()


def _lines(pieces: Iterable[bytes], tail: deque[str]) -> Iterator[str | None]:
    """Yield the lines of a script's output, and None for what ends none."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    line = ""
    try:
        for data in pieces:
            more, *fresh = decoder.decode(data).split("\n")
            line += more
            for begun in fresh:
                yield _kept(line, tail)
                line = begun
            if len(line) >= LONGEST:
                yield _kept(line, tail)
                line = ""
            elif not fresh:
                yield None
    except PhpError:
        if line:  # where it got stuck
            yield _kept(line, tail)
        raise
    if line := line + decoder.decode(b"", final=True):
        yield _kept(line, tail)


def _pieces(pid: int, output: int, seconds: float) -> Iterator[bytes]:
    """Yield what the script prints, as it comes, and b"" each half second of silence.

    Ends with the script; raises PhpError when its time is over. The pipe itself never
    ends, as we hold its other end too: a script may close its output long before.
    """
    deadline = time.monotonic() + seconds
    with os.fdopen(os.pidfd_open(pid), "rb", 0) as end:
        either = select.poll()
        either.register(end, select.POLLIN)  # looked at first: nothing is printed later
        either.register(output, select.POLLIN)
        while True:
            ready = [fd for fd, _events in either.poll(TICK * 1000)]
            if output in ready:
                yield os.read(output, 65536)
            elif ready:
                return  # perhaps a grandchild still holds the pipe
            else:
                yield b""
            if time.monotonic() > deadline:
                raise PhpError("the script ran out of time and was stopped")


def _kept(line: str, tail: deque[str]) -> str:
    line = line.rstrip("\r")
    if line.strip() and not STACK_FRAME.match(line):
        tail.append(line.strip())
    return line


def end_group(process: "subprocess.Popen[bytes]") -> None:
    """Stop the process group of a script: SIGTERM, then SIGKILL."""
    if process.stdout:
        process.stdout.close()
    if process.poll() is None:
        _signal_group(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)
    _signal_group(process.pid, signal.SIGKILL)  # it, and what it left behind
    process.wait()


def _signal_group(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        try:
            os.killpg(group, number)
        except PermissionError:
            kill = ["kill", f"-{number.value}", "--", f"-{group}"]
            subprocess.run(  # noqa: S603
                [*as_web_user(None), *kill], check=False, capture_output=True
            )


def kill_leftovers(job: int) -> int:
    """Kill what still runs on this host for a job; return how many processes.

    As the user they run as: no other may read their environment, or kill them.
    """
    marker = f"{MARKER}={mark(job)}"
    files = [str(path) for path in Path("/proc").glob("[0-9]*/environ")]
    grep = [*as_web_user(None), "grep", "-lszxF", "-e", marker, "--", *files]
    found = subprocess.run(  # noqa: S603
        grep, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    pids = [Path(file).parent.name for file in found.stdout.split()]
    if pids:
        kill = [*as_web_user(None), "kill", "-KILL", "--", *pids]
        subprocess.run(kill, check=False, capture_output=True)  # noqa: S603
    return len(pids)


def ended(
    argv: list[str], failure: str, timeout: float, text: str = ""
) -> "subprocess.CompletedProcess[str]":
    """Run PHP to its end, fed a text; raise PhpError if it cannot be."""
    pipes = subprocess.PIPE, subprocess.PIPE
    try:
        with _started(argv, None, text, pipes) as process:
            both = process.communicate(timeout=timeout)
            said = [part.decode(errors="replace") for part in both]
            return subprocess.CompletedProcess(argv, process.returncode, *said)
    except (PhpError, OSError, subprocess.TimeoutExpired) as error:
        why = _("%(failure)s: %(why)s") % {"failure": failure, "why": error}
        raise PhpError(why) from error
