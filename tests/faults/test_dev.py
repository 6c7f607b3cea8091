"""`manage.py dev`: console and workers that come and go together."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from commands.models import Cluster
from tests.conftest import ROOT
from tests.faults.conftest import children, dead
from tests.patience import PATIENCE, eventually

Dev = Callable[[], "subprocess.Popen[str]"]


@pytest.fixture
def dev(environment: dict[str, str]) -> Iterator[Dev]:
    """Return a function that starts it, without the console, and waits for it."""
    started: list[subprocess.Popen[str]] = []

    def start() -> "subprocess.Popen[str]":
        argv = [sys.executable, ROOT / "manage.py", "dev", "--no-web"]
        process = subprocess.Popen(
            argv, env=environment, stderr=subprocess.PIPE, text=True
        )
        started.append(process)
        eventually(lambda: Cluster.objects.count() == 2, "no workers started")
        return process

    yield start
    for process in started:
        process.terminate()
        process.communicate(timeout=PATIENCE)


@pytest.mark.parametrize("port", ["0", "65536"])
def test_a_port_that_is_none_is_refused(environment: dict[str, str], port: str):
    done = subprocess.run(
        [sys.executable, ROOT / "manage.py", "dev", f"--port={port}"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )

    said = f"CommandError: --port {port}: give one from 1 to 65535\n"
    assert (done.returncode, done.stderr) == (2, said)
    assert not Cluster.objects.exists()


def test_its_workers_end_with_it(dev: Dev):
    process = dev()
    workers = children(process.pid)

    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=PATIENCE)

    assert process.returncode == 0
    assert len(workers) == 2
    assert dead(workers)


def test_it_ends_with_the_first_of_its_workers(dev: Dev):
    process = dev()
    first, second = children(process.pid)

    os.kill(first, signal.SIGTERM)
    said = process.communicate(timeout=PATIENCE)[1]

    assert process.returncode == 1
    assert "A part of it ended, so all of it was stopped" in said
    assert dead([first, second])


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGKILL])
def test_its_workers_end_when_its_terminal_is_closed_or_it_is_killed(
    dev: Dev, number: signal.Signals
):
    process = dev()
    workers = children(process.pid)

    process.send_signal(number)

    process.wait(PATIENCE)
    try:
        eventually(lambda: dead(workers), "its workers live on", seconds=30)
    finally:
        for worker in workers:
            with suppress(ProcessLookupError):
                os.kill(worker, signal.SIGTERM)


def test_started_by_nohup_it_outlives_its_terminal(dev: Dev):
    former = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # which is inherited
    try:
        process = dev()
    finally:
        signal.signal(signal.SIGHUP, former)

    process.send_signal(signal.SIGHUP)

    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(1)
