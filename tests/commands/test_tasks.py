from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, OperationalError, connection
from django.utils import translation

from commands import tasks
from commands.base import Command, CommandFailed, NothingToDo
from commands.models import Job, Run
from commands.upgrade.status import Status
from tenants.files import FilesError
from tenants.models import DatabaseServer
from tenants.moodledb import MoodleDbError
from tenants.php import PhpError
from tenants.serving.publish import PublishError
from tests.clock import Clock
from tests.commands.probe import raises

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("probe")]


def test_a_job_that_succeeds_keeps_its_output_and_result(claimed: Job):
    tasks.execute(claimed)

    claimed.refresh_from_db()
    assert claimed.state == Job.State.SUCCEEDED
    assert claimed.result == {"word": "hello"}
    assert claimed.text()[0] == "at t0\n"
    assert Run.objects.get().state == Run.State.FINISHED


def test_what_a_job_stores_is_english_whatever_the_worker_speaks(claimed, probe):
    def fail(_command):
        yield f"{Status.CURRENT.label}"
        raise ValidationError(Status.EMPTY.label)

    probe.script = {"t0": fail}

    with translation.override("fr"):
        tasks.execute(claimed)

    claimed.refresh_from_db()
    assert claimed.text()[0] == "at t0\nUp to date\n"
    assert claimed.error == "Not installed"


@pytest.mark.django_db(transaction=True)  # whose connection may be closed
def test_the_end_of_a_job_waits_for_the_registry(claimed: Job, monkeypatch):
    away = iter([True, True])

    def refuse(execute, sql, params, many, context):
        if "exit_code" in sql and next(away, False):
            raise OperationalError(2006, "Server has gone away")
        return execute(sql, params, many, context)

    monkeypatch.setattr("commands.patience.time", Clock())
    with connection.execute_wrapper(refuse):
        tasks.execute(claimed)

    claimed.refresh_from_db()
    assert claimed.state == Job.State.SUCCEEDED
    assert claimed.text()[0] == "at t0\n"
    assert next(away, None) is None


def test_output_is_echoed_to_a_shell(claimed: Job):
    echoed: list[str] = []

    tasks.execute(claimed, echo=echoed.append)

    assert echoed == ["at t0"]


@pytest.mark.parametrize(
    ("error", "state", "exit_code"),
    [
        (NothingToDo("as it should be"), Job.State.SKIPPED, None),
        (CommandFailed("as it should be"), Job.State.FAILED, None),
        (CommandFailed("as it should be", 5), Job.State.FAILED, 5),
        (PhpError("as it should be", 255), Job.State.FAILED, 255),
        (MoodleDbError("as it should be"), Job.State.FAILED, None),
        (FilesError("as it should be"), Job.State.FAILED, None),
        (PublishError("as it should be"), Job.State.FAILED, None),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_what_a_command_raises_ends_its_job(
    claimed: Job, probe, error: Exception, state: Job.State, exit_code: int | None
):
    probe.script["t0"] = raises(error)

    tasks.execute(claimed)

    claimed.refresh_from_db()
    assert (claimed.state, claimed.error) == (state, "as it should be")
    assert claimed.exit_code == exit_code
    assert claimed.text()[0] == "at t0\nabout to fail\n"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ZeroDivisionError("by zero"), "ZeroDivisionError: by zero"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (SystemExit(3), "SystemExit: 3"),
    ],
)
def test_an_unexpected_error_is_recorded_and_raised_again(
    claimed: Job, probe, error: BaseException, told: str
):
    probe.script["t0"] = raises(error)

    with pytest.raises(type(error)):
        tasks.execute(claimed)

    claimed.refresh_from_db()
    assert claimed.state == Job.State.FAILED
    assert claimed.error == f"unexpected {told}"
    assert claimed.tenant.held_by is None


def test_a_cancelled_job_says_so(claimed: Job, probe, monkeypatch):
    monkeypatch.setattr("commands.recorder.FLUSH", 0)
    Job.objects.update(cancel_requested=True)

    tasks.execute(claimed)

    claimed.refresh_from_db()
    assert claimed.state == Job.State.CANCELLED
    assert claimed.error == "cancelled by an operator while it ran"


def test_a_job_that_was_taken_away_at_its_end_is_left_alone(claimed: Job):
    Job.objects.update(worker="there:2:2")

    tasks.execute(claimed)

    claimed.refresh_from_db()
    assert (claimed.state, claimed.worker) == (Job.State.RUNNING, "there:2:2")
    assert claimed.tenant.held_by == claimed.pk


def test_a_job_without_a_tenant_fails(claimed: Job, probe):
    claimed.tenant.delete()
    job = Job.objects.with_edges().get()

    tasks.execute(job)

    job.refresh_from_db()
    assert job.error == "the tenant is not in the registry any more"
    assert probe.done == []


def test_a_tenant_that_needs_attention_is_refused(claimed: Job, probe, monkeypatch):
    claimed.tenant.attention = "half restored"

    tasks.execute(claimed)

    claimed.refresh_from_db()
    assert claimed.state == Job.State.FAILED
    assert claimed.error == "the tenant needs attention: half restored"
    assert probe.done == []


@pytest.mark.parametrize(("exclusive", "heals"), [(False, False), (True, True)])
def test_commands_that_read_or_heal_run_on_a_tenant_that_needs_attention(
    claimed: Job, probe, monkeypatch, exclusive: bool, heals: bool
):
    monkeypatch.setattr(probe, "exclusive", exclusive)
    monkeypatch.setattr(probe, "heals", heals)
    claimed.tenant.attention = "half restored"

    tasks.execute(claimed)

    assert probe.done == ["t0"]


def test_a_job_whose_database_server_does_not_answer_fails(
    claimed: Job, probe, server: DatabaseServer
):
    DatabaseServer.objects.update(socket="", host="127.0.0.1", port=1)
    job = Job.objects.with_edges().get()

    tasks.execute(job)

    job.refresh_from_db()
    assert job.state == Job.State.FAILED
    assert job.error.startswith("database server db1: Can't connect to")
    assert probe.done == []


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"command": "commands/Prob"}, "There is no command 'commands/Prob'"),
        ({"attributes": "wrod=x"}, "commands/Probe has no parameter wrod"),
    ],
    ids=["command", "attributes"],
)
def test_a_run_that_no_longer_fits_its_command_fails(
    claimed: Job, fields: dict[str, str], sentence: str
):
    Run.objects.update(**fields)
    job = Job.objects.with_edges().get()

    tasks.execute(job)

    job.refresh_from_db()
    assert job.state == Job.State.FAILED
    assert job.error.startswith(sentence)


def test_a_job_whose_log_directory_is_gone_fails(claimed: Job, probe, tmp_path: Path):
    claimed.run.logroot = str(tmp_path / "gone")

    tasks.execute(claimed)

    claimed.refresh_from_db()
    assert claimed.state == Job.State.FAILED
    assert claimed.error.startswith(f"--logroot: {tmp_path}/gone/probe_t0.log: No such")
    assert probe.done == []


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (object(), "TypeError: Object of type object"),
        (float("nan"), "ValueError: Out of range float values"),
    ],
    ids=["an object", "no number"],
)
def test_a_result_that_cannot_be_stored_fails_the_job(
    claimed: Job, probe, answer: object, error: str
):
    def step(command: Command):
        yield "done"
        return {"answer": answer}

    probe.script["t0"] = step

    with pytest.raises((TypeError, ValueError)):
        tasks.execute(claimed)

    claimed.refresh_from_db()
    assert claimed.state == Job.State.FAILED
    assert claimed.error.startswith(f"unexpected {error}")


@pytest.mark.parametrize("state", ["succeeded", "failed"])
def test_a_job_ends_though_what_it_told_cannot_be_stored(
    claimed: Job, probe, state: str
):
    def printed(command: Command):
        yield "caf\udce9"

    failed = raises(CommandFailed("caf\udce9"))
    probe.script["t0"] = failed if state == "failed" else printed

    with pytest.raises((DatabaseError, UnicodeEncodeError)):
        tasks.execute(claimed)

    claimed.refresh_from_db()
    assert claimed.state == Job.State.FAILED
    assert claimed.error.startswith(f"it {state}, but what it told cannot be stored: ")
    assert claimed.tenant.held_by is None
    assert Run.objects.get().state == Run.State.FINISHED
