"""Jobs that wait for a time of their own."""

import time
from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from commands import queue, tasks
from commands.claim import claim_next
from commands.models import Job, Run
from commands.progress import seconds_left

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("probe")]
ME = "here:1:1"


def lanes() -> int:
    return OrmQ.objects.filter(key=queue.JOBS).count()


def test_a_command_may_hold_its_jobs_back(run_of, rows, probe):
    probe.held = timedelta(hours=2)
    tenants = rows(3)
    probe.skipped = {tenants[0].pk: "fine"}

    run = run_of("commands/Probe", tenants)

    assert lanes() == 0
    skipped, *waiting = run.jobs.order_by("-state", "pk")
    assert (skipped.state, skipped.is_held) == (Job.State.SKIPPED, False)
    until = [(job.not_before - timezone.now()).total_seconds() for job in waiting]
    assert until == pytest.approx([7200, 7200], abs=30)
    assert seconds_left(run) == pytest.approx(7200, abs=30)
    assert claim_next(run, ME) is None


def test_jobs_that_are_held_back_can_be_cancelled(run_of, rows, probe):
    probe.held = timedelta(hours=2)
    run = run_of("commands/Probe", rows(2))

    run.cancel("alice")

    run.refresh_from_db()
    assert (run.state, run.counts()["cancelled"]) == (Run.State.FINISHED, 2)


def passed(run: Run, number: int) -> None:
    """Let the time of so many jobs of the run come."""
    pks = list(run.jobs.order_by("position").values_list("pk", flat=True)[:number])
    Job.objects.filter(pk__in=pks).update(not_before=timezone.now())
    Run.objects.update(started_at=timezone.now() - timedelta(hours=1))


def test_a_lane_does_not_wait_for_jobs_whose_time_is_to_come(
    run_of, rows, probe, monkeypatch
):
    monkeypatch.setattr(tasks, "BLOCKED", 60)
    probe.held = timedelta(hours=1)
    run = run_of("commands/Probe", rows(2))

    started = time.monotonic()
    tasks.lane(run.pk)

    assert time.monotonic() - started < tasks.BLOCKED / 2
    assert (probe.done, lanes()) == ([], 0)


def test_jobs_whose_time_has_come_get_their_lanes_once(run_of, rows, probe):
    probe.held = timedelta(hours=1)
    run = run_of("commands/Probe", rows(4), parallel=2)
    passed(run, 3)

    tasks.reap()
    tasks.reap()

    assert lanes() == 2  # as many as it may have jobs at once
    assert run.jobs.startable().count() == 3
    tasks.lane(run.pk)
    assert sorted(probe.done) == ["t0", "t1", "t2"]
    assert run.counts()["queued"] == 1


def test_lanes_are_given_back_for_jobs_whose_time_has_come_only(run_of, rows, probe):
    probe.held = timedelta(hours=1)
    run = run_of("commands/Probe", rows(3), parallel=9)
    passed(run, 1)
    tasks.refill_lanes()
    OrmQ.objects.all().delete()

    tasks.refill_lanes()

    assert lanes() == 1


def test_a_busy_queue_does_not_keep_them_from_their_lanes(run_of, rows, probe):
    run_of("commands/Probe", rows(2), parallel=1)
    probe.held = timedelta(hours=1)
    passed(run_of("commands/Probe", rows(2), parallel=9), 2)

    tasks.refill_lanes()

    assert lanes() == 1 + 2
