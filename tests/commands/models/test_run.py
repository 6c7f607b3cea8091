from collections.abc import Callable

import pytest
from django.core.exceptions import ValidationError
from django.db import OperationalError
from django.db.models import Q
from django_q.models import OrmQ

from commands import notify, queue
from commands.claim import claim_next
from commands.models import Job, Run
from commands.progress import seconds_taken

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("probe")]
ME = "here:1:1"


@pytest.fixture
def told(monkeypatch) -> list[tuple]:
    """Record what would be mailed: the kind, and the run, job or per cent."""
    calls: list[tuple] = []

    def record(kind: str) -> Callable[..., None]:
        return lambda what, *args: calls.append((kind, *(args or [what.pk])))

    for kind in ("progress", "first_failure", "final"):
        monkeypatch.setattr(notify, kind, record(kind))
    return calls


def end(run: Run, *states: str) -> None:
    for state in states:
        claim_next(run, ME).finish(state, "" if state == "succeeded" else "no")
    run.refresh_from_db()


def counts(run: Run) -> dict[str, int]:
    return {state: number for state, number in run.counts().items() if number}


def test_starting_freezes_the_targets(run_of, rows):
    tenants = rows(3)
    run = run_of("commands/Probe", tenants[:2])

    rows(2)

    assert (run.state, run.total) == (Run.State.RUNNING, 2)
    assert counts(run) == {"queued": 2}


def test_starting_enqueues_no_more_lanes_than_jobs(run_of, rows):
    run_of("commands/Probe", rows(3), parallel=2)
    run_of("commands/Probe", rows(1), parallel=8)

    assert OrmQ.objects.filter(key=queue.JOBS).count() == 2 + 1


def test_a_run_starts_once(run_of, rows):
    run = run_of("commands/Probe", rows(1))

    with pytest.raises(ValidationError, match="started already"):
        Run.objects.get(pk=run.pk).start()

    assert run.jobs.count() == 1


def test_a_run_without_tenants_does_not_start(run_of, rows):
    with pytest.raises(ValidationError, match="nothing was done"):
        run_of("commands/Probe", [])


def test_wrong_attributes_are_refused_before_anything_is_made(run_of, rows):
    with pytest.raises(ValidationError, match="no parameter wrod"):
        run_of("commands/Probe", rows(1), "wrod=x")

    assert not Job.objects.exists()


def test_tenants_that_need_nothing_are_skipped_at_the_start(run_of, rows, probe):
    tenants = rows(2)
    probe.skipped = {tenants[0].pk: "as it should be"}

    run = run_of("commands/Probe", tenants)

    job = run.jobs.get(tenant=tenants[0])
    assert (job.state, job.error) == (Job.State.SKIPPED, "as it should be")
    assert (run.done, counts(run)) == (1, {"queued": 1, "skipped": 1})


def test_a_run_with_nothing_to_do_is_finished_at_once(run_of, rows, probe, told):
    tenants = rows(2)
    probe.skipped = {tenant.pk: "fine" for tenant in tenants}

    run = run_of("commands/Probe", tenants)

    run.refresh_from_db()
    assert run.state == Run.State.FINISHED
    assert told == [("final", run.pk)]


def test_a_run_ends_with_its_last_job(run_of, rows, told):
    run = run_of("commands/Probe", rows(2), parallel=9)

    end(run, "succeeded")
    assert run.state == Run.State.RUNNING
    end(run, "failed")

    assert run.state == Run.State.FINISHED
    assert run.finished_at and seconds_taken(run) >= 0
    assert run.counts_at_end == run.counts()
    run.counts_at_end = dict(sorted(run.counts().items()))  # as MySQL does with JSON
    assert list(run.counts()) == Job.State.values
    assert told.count(("final", run.pk)) == 1


def test_fullstop_cancels_what_is_queued_after_the_first_failure(run_of, rows):
    run = run_of("commands/Probe", rows(4), max_failures=1, parallel=9)
    other = claim_next(run, ME)

    end(run, "failed")

    assert counts(run) == {"running": 1, "failed": 1, "cancelled": 2}
    assert run.stopped == "stopped: 1 failed"
    other.finish(Job.State.SUCCEEDED)
    run.refresh_from_db()
    assert run.state == Run.State.FINISHED


def test_a_canary_that_fails_stops_the_run(run_of, rows):
    tenants = rows(4)
    run = run_of("commands/Probe", tenants, canary=[t.pk for t in tenants[:2]])

    end(run, "succeeded", "failed")

    assert counts(run) == {"succeeded": 1, "failed": 1, "cancelled": 2}
    assert "canary" in run.stopped
    assert run.state == Run.State.FINISHED


def test_a_canary_that_needs_nothing_lets_the_others_go(run_of, rows, probe):
    tenants = rows(2)
    probe.skipped = {tenants[0].pk: "fine"}

    run = run_of("commands/Probe", tenants, canary=[tenants[0].pk])

    assert claim_next(run, ME).tenant == tenants[1]


def test_a_canary_by_number_is_of_tenants_that_need_something(run_of, rows, probe):
    tenants = rows(4)
    probe.skipped = {tenants[0].pk: "fine"}

    run = run_of("commands/Probe", tenants, canary=2)

    canary = run.jobs.filter(wave=0).values_list("tenant__shortname", flat=True)
    assert sorted(canary) == ["t1", "t2"]


def test_a_canary_is_judged_when_its_last_job_is_cancelled(run_of, rows):
    tenants = rows(3)
    run = run_of("commands/Probe", tenants, canary=2)
    end(run, "succeeded")

    run.cancel("alice", Q(tenant=tenants[1]))

    run.refresh_from_db()
    assert run.state == Run.State.FINISHED
    assert counts(run) == {"succeeded": 1, "cancelled": 2}


def test_a_run_that_was_stopped_says_why_first_it_was(run_of, rows):
    run = run_of("commands/Probe", rows(2))
    run.cancel("alice")

    run.cancel("bob")

    run.refresh_from_db()
    assert run.stopped == "cancelled by alice"


def test_a_cancellation_outlasts_a_deadlock(run_of, rows, monkeypatch):
    run = run_of("commands/Probe", rows(2))
    stop, victims = Run.stop, [OperationalError(1213, "Deadlock found")]

    def deadlocked(run: Run, reason: str) -> None:
        stop(run, reason)
        if victims:
            raise victims.pop()

    monkeypatch.setattr(Run, "stop", deadlocked)

    run.cancel("alice")

    run.refresh_from_db()
    assert (run.state, run.done, run.stopped) == (
        Run.State.FINISHED,
        2,
        "cancelled by alice",
    )


def test_a_run_stops_after_the_failures_it_may_have(run_of, rows):
    run = run_of("commands/Probe", rows(5), max_failures=2, parallel=9)

    end(run, "failed", "succeeded", "rolled_back")

    assert counts(run) == {
        "failed": 1,
        "rolled_back": 1,
        "succeeded": 1,
        "cancelled": 2,
    }
    assert (run.failed, run.stopped) == (2, "stopped: 2 failed")


def test_a_run_ends_once_and_tells_once(run_of, rows, told):
    run = run_of("commands/Probe", rows(1))
    end(run, "succeeded")
    ended = run.finished_at

    for _again in range(2):
        Run.objects.get(pk=run.pk).close()

    run.refresh_from_db()
    assert run.finished_at == ended
    assert told.count(("final", run.pk)) == 1


def test_cancelling_ends_what_is_queued_and_asks_what_runs(run_of, rows):
    run = run_of("commands/Probe", rows(3), parallel=1)
    job = claim_next(run, ME)

    run.cancel("alice")

    job.refresh_from_db()
    assert (job.state, job.cancel_requested) == (Job.State.RUNNING, True)
    assert counts(run) == {"running": 1, "cancelled": 2}
    assert run.jobs.filter(error="cancelled by alice").count() == 2


@pytest.mark.parametrize(
    ("states", "names"),
    [
        (Job.BAD, {"t1"}),
        ((*Job.BAD, Job.State.SKIPPED, Job.State.CANCELLED), {"t1", "t2", "t3"}),
    ],
    ids=["failed", "all that did not succeed"],
)
def test_a_retry_is_a_new_linked_draft(run_of, rows, probe, states, names):
    tenants = rows(4)
    probe.skipped = {tenants[2].pk: "fine"}
    run = run_of("commands/Probe", tenants, "word=x", max_failures=1, parallel=3)
    end(run, "succeeded", "failed")

    again = run.retry(states, "bob", "shell")
    again.save()

    assert (again.state, again.retry_of) == (Run.State.DRAFT, run)
    assert (again.command, again.attributes) == (run.command, run.attributes)
    assert {
        tenants[0].__class__.objects.get(pk=pk).shortname for pk in again.targets
    } == names


def test_a_retry_leaves_out_tenants_that_are_gone(run_of, rows):
    tenants = rows(2)
    run = run_of("commands/Probe", tenants, parallel=2)
    end(run, "failed", "failed")
    tenants[0].delete()

    again = run.retry(Job.BAD, "bob", "shell")
    again.save()

    assert again.targets == [tenants[1].pk]


def test_each_new_ten_per_cent_is_told_once(run_of, rows, told):
    run = run_of("commands/Probe", rows(20), parallel=20)

    end(run, *["succeeded"] * 20)

    percents = [args[0] for kind, *args in told if kind == "progress"]
    assert percents == [10, 20, 30, 40, 50, 60, 70, 80, 90]


def test_the_first_failure_is_told_at_once_and_only_once(run_of, rows, told):
    run = run_of("commands/Probe", rows(5), parallel=5)

    end(run, "succeeded", "failed", "failed")

    failed = run.jobs.filter(state="failed").order_by("position").first()
    assert [call for call in told if call[0] == "first_failure"] == [
        ("first_failure", failed.pk)
    ]


def test_the_longest_jobs_of_the_past_come_first(run_of, rows):
    tenants = rows(3)
    former = run_of("commands/Probe", tenants, parallel=3)
    end(former, *["succeeded"] * 3)
    for tenant, seconds in zip(tenants, (5, 60, 20), strict=True):
        former.jobs.filter(tenant=tenant).update(seconds=seconds)

    run = run_of("commands/Probe", tenants)

    order = run.jobs.order_by("position").values_list("tenant__shortname", flat=True)
    assert list(order) == ["t1", "t2", "t0"]


def test_a_tenant_without_a_past_is_expected_to_take_the_usual_time(run_of, rows):
    former = run_of("commands/Probe", rows(3), parallel=3)
    end(former, *["succeeded"] * 3)
    for number, job in enumerate(former.jobs.all()):
        Job.objects.filter(pk=job.pk).update(seconds=10 * (number + 1))

    run = run_of("commands/Probe", rows(1))

    assert run.jobs.get().estimate == 20


def test_a_draft_has_taken_no_time():
    run = Run.objects.create(command="commands/Probe", actor="x")

    assert seconds_taken(run) == 0.0


def test_every_state_is_counted(run_of, rows):
    run = run_of("commands/Probe", rows(1))

    assert run.counts() == dict.fromkeys(Job.State.values, 0) | {"queued": 1}


def test_tenants_that_refuse_fail_at_the_start(run_of, rows, probe, told):
    tenants = rows(3)
    probe.refused = {tenants[1].pk: "no such course"}

    run = run_of("commands/Probe", tenants)

    run.refresh_from_db()
    job = run.jobs.get(tenant=tenants[1])
    assert (job.state, job.error) == (Job.State.FAILED, "no such course")
    assert (run.done, run.failed) == (1, 1)
    assert counts(run) == {"queued": 2, "failed": 1}
    assert ("first_failure", job.pk) in told


def test_a_run_that_all_refuse_is_finished_at_once(run_of, rows, probe, told):
    tenants = rows(2)
    probe.refused = {tenant.pk: "no" for tenant in tenants}

    run = run_of("commands/Probe", tenants)

    run.refresh_from_db()
    assert (run.state, run.failed) == (Run.State.FINISHED, 2)
    assert told == [("final", run.pk)]


def test_one_that_refuses_stops_a_run_before_anything_has_begun(run_of, rows, probe):
    tenants = rows(3)
    probe.refused = {tenants[2].pk: "no"}

    run = run_of("commands/Probe", tenants, max_failures=1)

    run.refresh_from_db()
    assert counts(run) == {"failed": 1, "cancelled": 2}
    assert run.stopped == "stopped: 1 failed"
    assert OrmQ.objects.count() == 0


def test_a_canary_that_refuses_stops_the_run(run_of, rows, probe):
    tenants = rows(3)
    probe.refused = {tenants[0].pk: "no"}

    run = run_of("commands/Probe", tenants, canary=[tenants[0].pk])

    run.refresh_from_db()
    assert counts(run) == {"failed": 1, "cancelled": 2}
    assert "canary" in run.stopped
