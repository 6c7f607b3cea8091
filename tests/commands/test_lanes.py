import time
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone
from django_q.models import OrmQ

from commands import host, queue, tasks
from commands.base import Command, CommandFailed, NothingToDo
from commands.claim import claim_next
from commands.models import Job, Run
from commands.patience import DEADLOCK
from tests.commands.probe import raises

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("probe")]


def lanes() -> int:
    return OrmQ.objects.filter(key=queue.JOBS).count()


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
    run_of, rows, probe, settings, monkeypatch
):
    settings.VMOODLE_LANE_SECONDS = 60
    clock = time.monotonic

    def take_long(command: Command):
        monkeypatch.setattr(time, "monotonic", lambda: clock() + 61)
        yield "slept"

    probe.script["t0"] = take_long
    run = run_of("commands/Probe", rows(3), parallel=1)

    tasks.lane(run.pk)

    assert probe.done == ["t0"]
    assert lanes() == 2


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


def test_a_worker_that_lost_the_registry_in_a_claim_ends(
    run_of, rows, probe, monkeypatch
):
    run = run_of("commands/Probe", rows(1), parallel=1)

    def lose(run: Run, worker: str) -> None:
        assert claim_next(run, worker)  # stored, the answer lost
        raise OperationalError(2013, "Lost connection")

    monkeypatch.setattr(tasks, "claim_next", lose)

    with pytest.raises(SystemExit, match="The worker ends: .*Lost connection"):
        tasks.lane(run.pk)

    assert probe.done == []
    assert run.jobs.get().worker == host.this_process()  # whose death is seen


def test_a_lane_tries_again_after_a_deadlock(run_of, rows, probe, monkeypatch):
    run = run_of("commands/Probe", rows(1), parallel=1)
    deadlocks = [OperationalError(DEADLOCK, "Deadlock found")]
    claim = Job.claim

    def unlucky(job: Job, worker: str) -> bool:
        if deadlocks:
            raise deadlocks.pop()
        return claim(job, worker)

    monkeypatch.setattr(Job, "claim", unlucky)

    tasks.lane(run.pk)

    assert (probe.done, deadlocks) == (["t0"], [])


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


def test_a_run_gets_lanes_though_the_clock_was_set_back(run_of, rows):
    run = run_of("commands/Probe", rows(1))
    later = timezone.now() + timedelta(hours=1)
    Run.objects.update(started_at=later)
    OrmQ.objects.update(lock=later)

    tasks.reap()

    assert queue.waiting(queue.JOBS) == [(run.pk,)]
