import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import OperationalError
from django.utils import timezone
from django_q.models import OrmQ

from commands import host, queue, tasks
from commands.base import Command, CommandFailed, NothingToDo
from commands.claim import claim_next
from commands.models import Job, Run
from tenants import php
from tenants.files import FilesError
from tenants.models import DatabaseServer, Tenant
from tenants.moodledb import MoodleDbError
from tenants.php import PhpError
from tenants.publish import PublishError

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("probe")]


def raises(error: BaseException) -> Callable:
    def step(command: Command):
        yield "about to fail"
        raise error

    return step


def lanes() -> int:
    return OrmQ.objects.filter(key=queue.JOBS).count()


@pytest.fixture
def claimed(run_of, rows) -> Job:
    run = run_of("commands/Probe", rows(1), "word=hello")
    job = claim_next(run, host.this_process())
    assert job
    return job


@pytest.fixture
def dead() -> str:
    """Return the name of a process of this host that has died."""
    sleeper = subprocess.Popen(["sleep", "60"])
    name = host._name.__wrapped__(sleeper.pid)
    sleeper.kill()
    sleeper.wait()
    return name


def test_a_job_that_succeeds_keeps_its_output_and_result(claimed: Job):
    tasks.execute(claimed)

    claimed.refresh_from_db()
    assert claimed.state == Job.State.SUCCEEDED
    assert claimed.result == {"word": "hello"}
    assert claimed.text()[0] == "at t0\n"
    assert Run.objects.get().state == Run.State.FINISHED


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
    "error",
    [ZeroDivisionError("by zero"), KeyboardInterrupt(), SystemExit(3)],
    ids=repr,
)
def test_an_unexpected_error_is_recorded_and_raised_again(
    claimed: Job, probe, error: BaseException
):
    probe.script["t0"] = raises(error)

    with pytest.raises(type(error)):
        tasks.execute(claimed)

    claimed.refresh_from_db()
    assert claimed.state == Job.State.FAILED
    assert claimed.error == f"unexpected {type(error).__name__}: {error}"
    assert claimed.tenant.held_by is None


def test_a_cancelled_job_says_so(claimed: Job, probe, monkeypatch):
    monkeypatch.setattr("commands.recorder.FLUSH", 0)
    Job.objects.update(cancel_requested=True)

    tasks.execute(claimed)

    claimed.refresh_from_db()
    assert claimed.state == Job.State.CANCELLED
    assert claimed.error == "cancelled by an operator while it ran"


def test_a_job_that_was_taken_away_is_left_alone(claimed: Job, monkeypatch):
    monkeypatch.setattr("commands.recorder.FLUSH", 0)
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


def test_a_lane_runs_all_jobs_of_its_run(run_of, rows, probe):
    run = run_of("commands/Probe", rows(5), parallel=1)

    tasks.lane(run.pk)

    run.refresh_from_db()
    assert probe.done == ["t0", "t1", "t2", "t3", "t4"]
    assert (run.state, lanes()) == (Run.State.FINISHED, 1)


def test_what_a_job_changes_in_its_command_is_not_the_next_one_s(run_of, rows, probe):
    def step(command: Command):
        seen.append((command.cleaned_data["word"], vars(command).get("own")))
        command.cleaned_data["word"] = command.own = "of the first"
        yield "changed"

    seen: list[tuple] = []
    probe.script |= {"t0": step, "t1": step}

    tasks.lane(run_of("commands/Probe", rows(2), "word=given", parallel=1).pk)

    assert seen == [("given", None)] * 2


def test_a_lane_goes_to_the_back_of_the_queue_after_its_time(
    run_of, rows, probe, settings
):
    settings.VMOODLE_LANE_SECONDS = 0.05
    probe.script["t0"] = lambda command: (yield from _sleep(0.1))
    run = run_of("commands/Probe", rows(3), parallel=1)

    tasks.lane(run.pk)

    assert probe.done == ["t0"]
    assert lanes() == 2


def _sleep(seconds: float):
    time.sleep(seconds)
    yield "slept"


def test_a_lane_that_only_waits_goes_to_the_back_of_the_queue(
    run_of, rows, probe, monkeypatch
):
    monkeypatch.setattr(tasks, "BLOCKED", 0.3)
    tenants = rows(1)
    claim_next(run_of("commands/Probe", tenants), "elsewhere:1:1")
    run = run_of("commands/Probe", tenants, parallel=1)

    tasks.lane(run.pk)

    assert probe.done == []
    assert lanes() == 1 + 1 + 1


def test_a_lane_too_many_ends_at_once(run_of, rows, probe):
    run = run_of("commands/Probe", rows(2), parallel=1)
    claim_next(run, "elsewhere:1:1")

    tasks.lane(run.pk)

    assert probe.done == []
    assert lanes() == 1


def test_a_job_whose_claim_was_stored_but_not_confirmed_is_ended(run_of, rows, probe):
    run = run_of("commands/Probe", rows(2), parallel=1)
    lost = claim_next(run, host.this_process())

    tasks.lane(run.pk)

    lost.refresh_from_db()
    assert (lost.state, lost.tenant.held_by) == (Job.State.FAILED, None)
    assert lost.error.startswith("its worker lost the registry; what it had done is")
    assert probe.done == ["t1"]
    run.refresh_from_db()
    assert run.state == Run.State.FINISHED


@pytest.mark.django_db(transaction=True)
def test_an_unconfirmed_claim_is_ended_as_soon_as_the_registry_is_back(
    run_of, rows, probe, monkeypatch
):
    run = run_of("commands/Probe", rows(1), parallel=1)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    down = [OperationalError(2002, "no connection")]

    def lose(run: Run, worker: str) -> None:
        assert claim_next(run, worker)
        monkeypatch.setattr(Job.objects, "filter", refuse)
        raise OperationalError(2013, "no answer")

    def refuse(**conditions):
        if down:
            raise down.pop()
        return Job.objects.all().filter(**conditions)

    monkeypatch.setattr(tasks, "claim_next", lose)

    with pytest.raises(OperationalError, match="no answer"):
        tasks.lane(run.pk)

    job = run.jobs.get()
    assert (job.state, job.tenant.held_by) == (Job.State.FAILED, None)
    assert job.error.startswith("its worker lost the registry")
    assert not down
    run.refresh_from_db()
    assert run.state == Run.State.FINISHED


def test_a_cluster_that_stops_waits_for_no_registry(run_of, rows, monkeypatch):
    run = run_of("commands/Probe", rows(1))
    stopping = []

    def lose(*_claim, **_conditions) -> None:
        stopping.append(True)
        monkeypatch.setattr(Job.objects, "filter", lose)
        monkeypatch.setattr("commands.patience.time.sleep", pytest.fail)
        raise OperationalError(2013, "no answer")

    monkeypatch.setattr(queue, "stopping", lambda: bool(stopping))
    monkeypatch.setattr(tasks, "claim_next", lose)

    with pytest.raises(OperationalError, match="no answer"):
        tasks.lane(run.pk)


def test_an_unconfirmed_claim_that_somebody_else_ends_is_left_to_him(
    run_of, rows, probe, monkeypatch
):
    run = run_of("commands/Probe", rows(1), parallel=1)
    lost = claim_next(run, host.this_process())
    given = Job.hand_over

    def second(job: Job, worker: str) -> bool:
        Job.objects.update(worker="buried by elsewhere:1:1")
        return given(job, worker)

    monkeypatch.setattr(Job, "hand_over", second)

    tasks.lane(run.pk)

    lost.refresh_from_db()
    assert lost.state == Job.State.RUNNING


def test_a_lane_of_a_cluster_that_stops_takes_no_more_jobs(
    run_of, rows, probe, monkeypatch
):
    monkeypatch.setattr(queue, "stopping", lambda: bool(probe.done))
    run = run_of("commands/Probe", rows(2), parallel=1)

    tasks.lane(run.pk)

    assert probe.done == ["t0"]
    assert lanes() == 2


def test_a_lane_survives_a_job_of_each_kind(run_of, rows, probe):
    run = run_of("commands/Probe", rows(3), parallel=1)
    probe.script |= {
        "t0": raises(CommandFailed("no")),
        "t1": raises(NothingToDo("fine")),
    }

    tasks.lane(run.pk)

    states = run.jobs.order_by("position").values_list("state", flat=True)
    assert list(states) == ["failed", "skipped", "succeeded"]


def test_a_job_of_a_dead_worker_is_failed(claimed: Job, probe, monkeypatch, dead: str):
    recovered: list[tuple[int | None, str]] = []
    monkeypatch.setattr(
        probe,
        "recover",
        lambda self, tenant: recovered.append((self.job, tenant.shortname)),
    )
    Job.objects.update(worker=dead)

    ended = tasks.reap(), tasks.reap()

    claimed.refresh_from_db()
    assert ended == (1, 0)
    assert claimed.state == Job.State.FAILED
    assert claimed.error.startswith(f"its worker died ({dead})")
    assert recovered == [(claimed.pk, "t0")]
    assert Tenant.objects.get().held_by is None
    assert Run.objects.get().state == Run.State.FINISHED


def test_a_cleaning_up_that_fails_is_told(claimed: Job, probe, monkeypatch, dead: str):
    def recover(self, tenant: Tenant) -> None:
        raise FilesError("the disk is gone")

    monkeypatch.setattr(probe, "recover", recover)
    Job.objects.update(worker=dead)

    tasks.reap()

    claimed.refresh_from_db()
    assert claimed.error.endswith("; cleaning up failed: the disk is gone")
    assert Tenant.objects.get().held_by is None


def test_what_a_dead_worker_left_running_is_killed(claimed: Job, dead: str):
    left = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)"],
        env=php._environment(claimed.pk),
        start_new_session=True,
    )
    other = subprocess.Popen(["sleep", "60"], env=php._environment(claimed.pk + 1))
    Job.objects.update(worker=dead)

    tasks.reap()

    assert left.wait(5) == -9
    assert other.poll() is None
    other.kill()
    other.wait()


def test_a_job_of_a_live_worker_is_left_alone(claimed: Job):
    Job.objects.update(heartbeat_at=timezone.now() - timedelta(hours=1))

    assert tasks.reap() == 0

    claimed.refresh_from_db()
    assert claimed.state == Job.State.RUNNING


@pytest.mark.parametrize(("silent", "ended"), [(80, 0), (100, 1)])
def test_a_job_on_another_host_is_given_time(claimed: Job, silent: int, ended: int):
    Job.objects.update(
        worker="elsewhere:10:10",
        heartbeat_at=timezone.now() - timedelta(seconds=silent),
    )

    assert tasks.reap() == ended


def test_a_job_whose_reaper_died_is_reaped_by_another(claimed: Job):
    Job.objects.update(worker=f"buried by {host.HOST}:1:0")
    assert tasks.reap() == 0

    Job.objects.update(heartbeat_at=timezone.now() - timedelta(seconds=100))

    assert tasks.reap() == 1


def test_lanes_that_were_lost_are_given_back(run_of, rows):
    run_of("commands/Probe", rows(5), parallel=3)
    OrmQ.objects.all().delete()
    Run.objects.update(started_at=timezone.now() - timedelta(seconds=5))

    tasks.refill_lanes()
    tasks.refill_lanes()

    assert lanes() == 3


def test_no_more_lanes_are_given_back_than_there_are_jobs(run_of, rows):
    run = run_of("commands/Probe", rows(3), parallel=9)
    claim_next(run, host.this_process())
    OrmQ.objects.all().delete()
    Run.objects.update(started_at=timezone.now() - timedelta(seconds=5))

    tasks.refill_lanes()

    assert lanes() == 2


def test_a_run_whose_last_job_ended_unseen_is_closed(run_of, rows):
    run = run_of("commands/Probe", rows(1))
    run.jobs.update(state=Job.State.SUCCEEDED)
    Run.objects.update(done=1)
    OrmQ.objects.all().delete()
    Run.objects.update(started_at=timezone.now() - timedelta(seconds=5))

    tasks.refill_lanes()

    run.refresh_from_db()
    assert (run.state, lanes()) == (Run.State.FINISHED, 0)


def test_a_run_that_has_just_begun_is_left_to_its_shell(run_of, rows):
    run_of("commands/Probe", rows(1))
    OrmQ.objects.all().delete()

    tasks.refill_lanes()

    assert lanes() == 0


def test_a_result_that_cannot_be_stored_fails_the_job(claimed: Job, probe):
    def step(command: Command):
        yield "done"
        return {"answer": object()}

    probe.script["t0"] = step

    with pytest.raises(TypeError):
        tasks.execute(claimed)

    claimed.refresh_from_db()
    assert claimed.state == Job.State.FAILED
    assert claimed.error.startswith("unexpected TypeError: Object of type object")
