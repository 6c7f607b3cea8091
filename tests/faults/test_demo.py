"""A demo that is killed: what it has started ends, and holds its lock until then."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.faults.conftest import children, dead
from tests.patience import PATIENCE, eventually

Start = Callable[[str], list[int]]
SERVE = """
import socket, time
from pathlib import Path
from demo.sites import serve
with socket.create_server(("127.0.0.1", 0)) as free:
    port = free.getsockname()[1]
with serve(Path("/"), port, Path({log!r})):
    while socket.socket().connect_ex(("127.0.0.1", port)):
        time.sleep(0.1)
    print("started", flush=True)
    time.sleep(600)
"""
WORK = """
import argparse, fcntl, os, time, django
django.setup()
from demo import run
lock = os.open({lock!r}, os.O_RDONLY)
fcntl.flock(lock, fcntl.LOCK_EX)
with run.workers(argparse.Namespace(once=True, port=1), lock):
    print("started", flush=True)
    time.sleep(600)
"""


def below(pid: int) -> list[int]:
    """Return all that a process has started, and what that has."""
    return [each for child in children(pid) for each in (child, *below(child))]


@pytest.fixture
def kill_what_runs(environment: dict[str, str]) -> Start:
    """Return a function that kills a program once it has started all it starts.

    The processes that it leaves are returned.
    """

    def run(program: str) -> list[int]:
        process = subprocess.Popen(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout and process.stdout.readline() == "started\n"
        started = below(process.pid)
        process.kill()
        process.communicate(timeout=PATIENCE)
        return started

    return run


def test_its_web_server_ends(kill_what_runs: Start, tmp_path: Path):
    left = kill_what_runs(SERVE.format(log=str(tmp_path / "log")))

    eventually(lambda: dead(left), "PHP lives on", seconds=30)
    assert len(left) > 5  # it, its four workers, and who watches


def test_its_workers_end_and_hold_its_lock_until_then(
    kill_what_runs: Start, tmp_path: Path
):
    left = kill_what_runs(WORK.format(lock=str(tmp_path)))
    locked = ["flock", "--nonblock", str(tmp_path), "true"]

    assert subprocess.run(locked, check=False).returncode == 1
    eventually(lambda: dead(left), "its workers live on", seconds=30)
    eventually(lambda: subprocess.run(locked, check=False).returncode == 0, seconds=30)
    assert len(left) > 3  # dev, two clusters, and their processes
