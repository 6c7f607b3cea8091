from datetime import timedelta

import pytest
from django.db import OperationalError, transaction
from django.db.models import Q
from django.utils import timezone

from commands import host
from commands.claim import claim_next
from commands.models import Job, Output, Run
from commands.models.job import LEFT_OUT, PAGE
from tenants.models import Tenant
from tests.clock import Clock

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("probe")]
ME = "here:1:1"


@pytest.fixture
def job(run_of, rows) -> Job:
    """Return a job that runs; its run has another that waits."""
    run = run_of("commands/Probe", rows(2), parallel=2)
    found = claim_next(run, ME)
    assert found
    return found


def waiting(job: Job) -> Job:
    return job.run.jobs.get(state=Job.State.QUEUED)


@pytest.mark.parametrize(
    ("state", "failed"),
    [
        (Job.State.SUCCEEDED, 0),
        (Job.State.SKIPPED, 0),
        (Job.State.CANCELLED, 0),
        (Job.State.FAILED, 1),
        (Job.State.ROLLED_BACK, 1),
    ],
)
def test_a_job_that_ends_is_counted_and_lets_go_of_its_tenant(
    job: Job, state: Job.State, failed: int
):
    assert job.finish(state, "a sentence", exit_code=3, result={"a": 1})

    job.refresh_from_db()
    run = Run.objects.get()
    assert (job.state, job.error) == (state, "a sentence")
    assert (job.exit_code, job.result) == (3, {"a": 1})
    assert job.finished_at and job.seconds >= 0
    assert (run.done, run.failed) == (1, failed)
    assert job.tenant.held_by is None


def test_the_tenant_remembers_its_latest_job(job: Job):
    job.finish(Job.State.FAILED, "no")

    tenant = Tenant.objects.get(pk=job.tenant_id)
    assert (tenant.last_job, tenant.last_command) == (job.pk, "commands/Probe")
    assert (tenant.last_state, bool(tenant.last_job_at)) == ("failed", True)


def test_a_job_ends_once(job: Job):
    again = Job.objects.with_edges().get(pk=job.pk)
    assert job.finish(Job.State.SUCCEEDED)

    assert not again.finish(Job.State.FAILED, "too late")

    again.refresh_from_db()
    assert (again.state, again.error) == (Job.State.SUCCEEDED, "")
    assert (again.run.done, again.run.failed) == (1, 0)


def test_a_job_is_ended_only_by_the_worker_it_names(job: Job):
    reaper = Job.objects.with_edges().get(pk=job.pk)
    assert reaper.hand_over("there:2:2")

    assert not job.finish(Job.State.SUCCEEDED)
    assert not job.beat()

    assert reaper.finish(Job.State.FAILED, "its worker died")
    assert Run.objects.get().done == 1


def test_of_two_reapers_one_gets_the_job(job: Job):
    first, second = (Job.objects.get(pk=job.pk) for _reaper in range(2))

    assert first.hand_over("there:2:2")
    assert not second.hand_over("yonder:3:3")

    assert second.worker == ME
    assert Job.objects.get(pk=job.pk).worker == "there:2:2"


def test_a_job_that_is_done_does_not_let_go_of_the_next_job_s_tenant(job: Job):
    Tenant.objects.filter(pk=job.tenant_id).update(held_by=999)

    job.finish(Job.State.SUCCEEDED)

    tenant = Tenant.objects.get(pk=job.tenant_id)
    assert (tenant.held_by, tenant.last_job) == (999, job.pk)


def test_a_job_ends_though_its_tenant_was_deleted(job: Job):
    Tenant.objects.get(pk=job.tenant_id).delete()
    job = Job.objects.with_edges().get(pk=job.pk)

    assert job.finish(Job.State.FAILED, "the tenant is gone")

    assert (job.tenant, job.wwwroot) == (None, "https://t0.example.org")


def test_a_cancelled_job_does_not_start(job: Job):
    queued = waiting(job)

    queued.run.cancel("alice", Q(pk=queued.pk))

    with transaction.atomic():
        assert not queued.claim(ME)
    queued.refresh_from_db()
    assert (queued.state, queued.error) == ("cancelled", "cancelled by alice")
    assert Tenant.objects.get(pk=queued.tenant_id).held_by is None
    assert Run.objects.get().done == 1


def test_a_job_that_runs_is_asked_to_stop(job: Job):
    job.run.cancel("alice", Q(pk=job.pk))

    job.refresh_from_db()
    assert (job.state, job.cancel_requested) == (Job.State.RUNNING, True)


def test_a_job_that_has_ended_cannot_be_cancelled(job: Job):
    job.finish(Job.State.SUCCEEDED)

    job.run.cancel("alice", Q(pk=job.pk))

    job.refresh_from_db()
    assert (job.state, job.cancel_requested) == (Job.State.SUCCEEDED, False)
    assert Run.objects.get().done == 1


def test_a_beat_is_noted(job: Job):
    Job.objects.update(heartbeat_at=timezone.now() - timedelta(hours=1))

    assert job.beat()

    job.refresh_from_db()
    assert timezone.now() - job.heartbeat_at < timedelta(minutes=1)


def test_a_process_of_this_host_is_looked_at_not_its_heartbeat(job: Job):
    job.heartbeat_at = timezone.now() - timedelta(days=1)
    job.worker = host.this_process()
    assert not job.worker_is_gone()

    job.heartbeat_at = timezone.now()
    job.worker = f"{host.HOST}:1:0"  # process 1 started at another time
    assert job.worker_is_gone()


def test_a_process_of_another_host_is_gone_when_it_is_silent(job: Job, monkeypatch):
    clock = Clock()
    monkeypatch.setattr("commands.models.job.time", clock)
    job.worker = "elsewhere:10:10"

    for ahead in (timedelta(), timedelta(hours=-1), timedelta(hours=1)):
        job.heartbeat_at = timezone.now() + ahead  # by the clock of the other host
        assert not job.worker_is_gone()
        clock.now += 89
        assert not job.worker_is_gone()

    clock.now += 2
    assert job.worker_is_gone()


def write(job: Job, *texts: str) -> None:
    for seq, text in enumerate(texts, 1):
        if text:
            Output.objects.create(job=job, seq=seq, text=text)


def test_the_output_is_read_from_where_the_reader_was(job: Job):
    write(job, "a" * PAGE, "b" * PAGE, "c\n")

    assert job.text(2 * PAGE - 1) == ("bc\n", 2 * PAGE + 2)
    assert job.text(2 * PAGE) == ("c\n", 2 * PAGE + 2)
    assert job.text(2 * PAGE + 2) == ("", 2 * PAGE + 2)


def test_a_hole_in_the_output_is_told(job: Job):
    write(job, "a\n", "", "", "b\n")

    assert job.text()[0] == f"a\n{LEFT_OUT}b\n"


@pytest.mark.django_db(transaction=True)
def test_a_registry_that_fails_after_the_end_leaves_all_to_the_next_try(
    run_of, rows, monkeypatch
):
    run = run_of("commands/Probe", rows(3), max_failures=1, parallel=1)
    job = claim_next(run, ME)
    with monkeypatch.context() as patch, pytest.raises(OperationalError):
        patch.setattr(Run, "stop", _server_gone)
        job.finish(Job.State.FAILED, "no")
    job.refresh_from_db()
    assert (job.state, job.tenant.held_by) == (Job.State.RUNNING, job.pk)

    assert job.finish(Job.State.FAILED, "no")

    run.refresh_from_db()
    assert (run.state, run.done, run.failed) == (Run.State.FINISHED, 3, 1)
    assert run.stopped == "stopped: 1 failed"


def _server_gone(*args: object) -> None:
    raise OperationalError(2006, "Server has gone away")
