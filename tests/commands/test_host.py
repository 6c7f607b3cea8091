import os
import subprocess
import time

import pytest

from commands import host


def test_this_process_is_alive():
    assert host.is_alive(host.this_process()) is True


def test_a_process_id_that_was_given_again_is_another_process():
    where, pid, started = host.this_process().rsplit(":", 2)

    assert host.is_alive(f"{where}:{pid}:{int(started) - 1}") is False


def test_a_process_that_ended_is_dead_though_nobody_has_waited_for_it():
    child = subprocess.Popen(["sleep", "60"])
    name = host.name_of(child.pid)
    assert host.is_alive(name) is True

    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)

    assert host.is_alive(name) is False
    assert child.wait() == -9


@pytest.mark.parametrize("name", ["elsewhere:1:1", "", "nonsense", "a:b"])
def test_nothing_is_known_of_another_host(name: str):
    assert host.is_alive(name) is None


def test_a_host_name_may_hold_colons(monkeypatch):
    monkeypatch.setattr(host, "HOST", "fe80::1")

    name = host.name_of(os.getpid())

    assert name.startswith(f"fe80::1:{os.getpid()}:")
    assert host.is_alive(name) is True


def test_a_forked_child_has_a_name_of_its_own():
    mine = host.this_process()
    child = os.fork()
    if child == 0:
        time.sleep(0.02)
        os._exit(0 if host.this_process() != mine else 1)

    _pid, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
