"""A shell to type management commands in."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pytest
from django.core.management import execute_from_command_line
from django.db import transaction

from commands import queue, tasks
from commands.models import Cluster, Run


@dataclass
class Said:
    code: int
    out: str
    err: str


Manage = Callable[..., Said]


@pytest.fixture
def manage(transactional_db, capsys) -> Manage:
    """Return a function that types a line in a shell."""

    def typed(*words: str) -> Said:
        code = 0
        try:
            execute_from_command_line(["manage.py", *words])
        except SystemExit as end:
            code = int(end.code or 0)
        return Said(code, *capsys.readouterr())

    return typed


@pytest.fixture
def workers(monkeypatch) -> None:
    """Let a run be done as soon as it is started, as by one worker."""

    def enqueue(run_id: int, number: int) -> None:
        transaction.on_commit(partial(tasks.lane, run_id))

    monkeypatch.setattr(queue, "enqueue_lanes", enqueue)
    monkeypatch.setattr(Cluster, "alive", lambda name: True)


def states() -> dict[str, str]:
    """Return the states of the jobs of the latest run, by short name."""
    jobs = Run.objects.first().jobs.select_related("tenant")
    return {job.tenant.shortname: job.state for job in jobs}


def assert_refused(said: Said, sentence: str, runs: int = 0) -> None:
    assert said.code == 2, said
    assert sentence in said.err
    assert "Traceback" not in said.err
    assert said.out == ""
    assert Run.objects.count() == runs
