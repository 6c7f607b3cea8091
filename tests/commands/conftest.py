"""A shell to type management commands in, and sites to compare."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from django.core.management import execute_from_command_line
from django.db import transaction

from commands import host, queue, tasks
from commands.claim import claim_next
from commands.models import Cluster, Job, Run
from tenants import agent, moodledb, php
from tenants.models import Tenant
from tests.commands import tables


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
def terminal(monkeypatch) -> Callable[[str], None]:
    """Return a function that sets what is typed on a terminal."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    return lambda typed: monkeypatch.setattr("sys.stdin", Terminal(typed))


@pytest.fixture
def workers(monkeypatch) -> None:
    """Let a run be done as soon as it is started, as by one worker."""

    def enqueue(run_id: int, number: int) -> None:
        transaction.on_commit(partial(tasks.lane, run_id))

    monkeypatch.setattr(queue, "enqueue_lanes", enqueue)
    monkeypatch.setattr(Cluster, "alive", lambda name: True)


@pytest.fixture
def slow_workers(monkeypatch) -> None:
    """Let workers be there, which have not yet begun with anything."""
    monkeypatch.setattr(Cluster, "alive", lambda name: True)


@pytest.fixture
def claimed(run_of, rows) -> Job:
    run = run_of("commands/Probe", rows(1), "word=hello")
    job = claim_next(run, host.this_process())
    assert job
    return job


@pytest.fixture
def interrupted_start(monkeypatch) -> Callable[..., None]:
    """Return a function after which ^C comes as a run starts, or as it has begun."""
    start = Run.start

    def interrupt(*, begun: bool) -> None:
        def started(run: Run, **how: Any) -> None:
            if begun:
                start(run, **how)
            raise KeyboardInterrupt

        monkeypatch.setattr(Run, "start", started)

    return interrupt


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


@pytest.fixture
def sites(rows, monkeypatch) -> Iterator[Callable[[int], list[Tenant]]]:
    """Return a function that makes tenants with the tables that comparisons read.

    They are alike, without code, named t0, t1, ...; the first is the main tenant.
    """
    monkeypatch.setattr(php, "versions", lambda *_release: {})
    made: list[Tenant] = []

    def make(number: int) -> list[Tenant]:
        made.extend(rows(number))
        Tenant.objects.filter(pk=made[0].pk).update(is_main=True)
        for tenant in made[-number:]:
            moodledb.execute(tenant.server, f"CREATE DATABASE `{tenant.db_name}`")
            tables.fill(tenant)
        return made[-number:]

    yield make
    for tenant in made:
        drop = f"DROP DATABASE IF EXISTS `{tenant.db_name}`"
        moodledb.execute(tenant.server, drop)


@pytest.fixture
def bare(rows) -> Callable[[], Tenant]:
    """Return a function that makes a tenant whose database is not there."""
    root = "https://bare.example.org"
    names = {"shortname": "bare", "key": "bare.example.org", "db_name": "bare"}
    return lambda: rows(1, wwwroot=root, data_path="/data/bare", **names)[0]


@pytest.fixture
def asked(monkeypatch) -> dict[str, Any]:
    """Replace the agent; return what it was asked, and let tests say its answer.

    `answer` is called with (tenant, operation, payload) and returns the result.
    """
    told: dict[str, Any] = {"answer": lambda *_asked: {}, "payloads": []}

    def ask(tenant: Tenant, operation: str, payload: dict[str, Any], **_how: Any):
        told["payloads"].append((tenant.shortname, operation, payload))
        yield "from the agent"
        return told["answer"](tenant, operation, payload)

    monkeypatch.setattr(agent, "ask", ask)
    return told


TABLE = {"columns": ["id", "name"], "rows": [[1, "Ann"], [2, None]], "truncated": True}


@pytest.fixture
def brought(run_of, rows, probe):
    """Return a function that makes a run whose jobs brought these results home."""

    def make(*found: object, **fields) -> Run:
        run = run_of("commands/Probe", rows(len(found)))
        for job, result in zip(run.jobs.order_by("pk"), found, strict=True):
            state = Job.State.FAILED if result is None else Job.State.SUCCEEDED
            Job.objects.filter(pk=job.pk).update(result=result, state=state)
        return run

    return make
