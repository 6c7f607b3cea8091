from datetime import timedelta

import pytest
from django.utils import timezone, translation

from commands.claim import claim_next
from commands.models import Run
from commands.progress import busy_with, duration, seconds_left

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("probe")]


def succeed(run: Run, number: int, seconds: float) -> None:
    for _job in range(number):
        claim_next(run, "here:1:1").finish("succeeded")
    run.jobs.filter(state="succeeded").update(seconds=seconds)
    run.refresh_from_db()


def test_the_time_left_comes_from_the_past_and_from_this_run(run_of, rows):
    run = run_of("commands/Probe", rows(4), parallel=2)
    assert seconds_left(run) is None

    succeed(run, 2, seconds=10)

    assert seconds_left(run) == pytest.approx(10)


def test_a_job_whose_tenant_is_busy_names_the_run_it_waits_for(run_of, rows):
    one, two, three = rows(3)
    succeed(run_of("commands/Probe", [one]), 1, seconds=10)
    other = run_of("commands/Probe", [one, two])
    claim_next(other, "here:1:1")
    claim_next(other, "here:1:1")
    run = run_of("commands/Probe", [one, three])

    waiting, free = run.jobs.order_by("tenant")
    assert busy_with(run) == {waiting.pk: other}
    assert seconds_left(run) is None

    assert claim_next(run, "here:1:1") == free
    assert seconds_left(run)
    assert busy_with(other) == {}


def test_the_time_left_is_shared_by_the_jobs_at_once(run_of, rows):
    tenants = rows(4)
    former = run_of("commands/Probe", tenants, parallel=4)
    succeed(former, 4, seconds=30)

    run = run_of("commands/Probe", tenants, parallel=3)

    assert seconds_left(run) == pytest.approx(60)
    assert seconds_left(former) is None


def test_the_time_left_runs_down_while_jobs_are_at_work(run_of, rows):
    tenants = rows(3)
    succeed(run_of("commands/Probe", tenants, parallel=3), 3, seconds=60)
    run = run_of("commands/Probe", tenants, parallel=2)
    claim_next(run, "here:1:1")
    claim_next(run, "here:1:1")
    told = []

    for ago in (0, 30, 50, 70):
        at = timezone.now() - timedelta(seconds=ago)
        run.jobs.filter(state="running").update(started_at=at)
        told.append(seconds_left(run))

    # Who takes 70 s instead of 60 is late, and so are those that wait.
    assert told == pytest.approx([120, 90, 70, 70], abs=5)


def test_the_time_left_follows_the_pace_of_the_run(run_of, rows):
    tenants = rows(4)
    succeed(run_of("commands/Probe", tenants, parallel=4), 4, seconds=1)
    run = run_of("commands/Probe", tenants, parallel=1)
    claim_next(run, "here:1:1")
    run.jobs.filter(state="running").update(
        started_at=timezone.now() - timedelta(seconds=60)
    )
    assert seconds_left(run) == pytest.approx(180, abs=5)

    run.jobs.filter(state="running").update(state="succeeded", seconds=10)
    run.done = 1

    assert seconds_left(run) == pytest.approx(30, abs=1)


def test_one_job_is_not_shared_by_the_jobs_at_once(run_of, rows):
    tenants = rows(1)
    succeed(run_of("commands/Probe", tenants), 1, seconds=60)

    assert seconds_left(run_of("commands/Probe", tenants, parallel=4)) == 60


def test_of_jobs_that_take_longer_than_ever_no_time_is_told(run_of, rows):
    tenants = rows(1)
    succeed(run_of("commands/Probe", tenants), 1, seconds=60)
    run = run_of("commands/Probe", tenants)
    claim_next(run, "here:1:1")
    run.jobs.update(started_at=timezone.now() - timedelta(seconds=61))

    assert seconds_left(run) is None


def test_of_a_draft_no_time_is_left():
    assert seconds_left(Run(command="commands/Probe")) is None


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(None, "–"), (4.21, "4.2 s"), (190, "3 min 10 s"), (7500, "2 h 5 min")],
    ids=str,
)
def test_a_duration_is_told_in_words(seconds: float | None, told: str):
    assert duration(seconds) == told


def test_a_duration_is_told_as_the_reader_writes_numbers():
    with translation.override("fr"):
        assert duration(0.64) == "0,6 s"
        assert duration(190) == "3 min 10 s"
