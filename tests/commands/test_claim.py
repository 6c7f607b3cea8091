from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection, transaction

from commands.claim import claim_next
from commands.models import Job
from tenants.models import DatabaseServer, Tenant

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("probe")]
ME = "here:1:1"


def claimed(run) -> str | None:
    job = claim_next(run, ME)
    return job and job.tenant.shortname


def test_jobs_come_in_the_order_of_their_positions(run_of, rows):
    run = run_of("commands/Probe", rows(3), parallel=9)

    assert [claimed(run) for _job in range(4)] == ["t0", "t1", "t2", None]


def test_a_claimed_job_runs_and_holds_its_tenant(run_of, rows):
    run = run_of("commands/Probe", rows(1))

    job = claim_next(run, ME)

    job.refresh_from_db()
    assert (job.state, job.worker) == (Job.State.RUNNING, ME)
    assert job.started_at and job.heartbeat_at
    assert Tenant.objects.get().held_by == job.pk


def test_a_run_has_no_more_jobs_at_once_than_it_may(run_of, rows):
    run = run_of("commands/Probe", rows(3), parallel=2)
    first = claim_next(run, ME)

    assert [claimed(run), claimed(run)] == ["t1", None]

    first.finish(Job.State.SUCCEEDED)
    assert claimed(run) == "t2"


def test_a_server_has_no_more_jobs_at_once_than_it_may(run_of, rows, server):
    DatabaseServer.objects.update(job_limit=1)
    tenants = rows(2)
    other = DatabaseServer.objects.create(name="db2", host="db2", admin_user="x")
    tenants += rows(1, server=other)
    run = run_of("commands/Probe", tenants, parallel=9)
    another = run_of("commands/Probe", tenants, parallel=9)

    assert [claimed(run) for _job in range(3)] == ["t0", "t2", None]
    assert claimed(another) is None


def test_a_tenant_has_one_exclusive_job_at_a_time(run_of, rows):
    tenants = rows(2)
    run, other = (run_of("commands/Probe", tenants, parallel=9) for _run in range(2))
    first = claim_next(run, ME)

    assert [claimed(other), claimed(other)] == ["t1", None]

    first.finish(Job.State.FAILED)
    assert claimed(other) == "t0"


def test_a_job_that_only_reads_does_not_wait_for_the_tenant(
    run_of, rows, probe, monkeypatch
):
    tenants = rows(1)
    run_of("commands/Probe", tenants, parallel=9)
    held = claim_next(run_of("commands/Probe", tenants), ME)
    monkeypatch.setattr(probe, "exclusive", False)
    reading = run_of("commands/Probe", tenants)

    assert claimed(reading) == "t0"

    tenants[0].refresh_from_db()
    assert tenants[0].held_by == held.pk


def test_only_the_canary_starts_before_it_has_succeeded(run_of, rows):
    tenants = rows(3)
    run = run_of("commands/Probe", tenants, canary=[tenants[2].pk], parallel=9)
    canary = claim_next(run, ME)

    assert canary.tenant.shortname == "t2"
    assert claimed(run) is None

    canary.finish(Job.State.SUCCEEDED)
    assert [claimed(run), claimed(run)] == ["t0", "t1"]


def test_a_tenant_that_was_deleted_does_not_block_the_others(run_of, rows):
    tenants = rows(2)
    run = run_of("commands/Probe", tenants, parallel=9)
    tenants[0].delete()

    orphan = claim_next(run, ME)

    assert orphan.tenant is None
    assert claimed(run) == "t1"


def test_of_two_workers_one_gets_the_job(run_of, rows):
    run = run_of("commands/Probe", rows(1))
    mine, theirs = run.jobs.with_edges().get(), run.jobs.with_edges().get()

    with transaction.atomic():
        assert mine.claim("a:1:1")
    with transaction.atomic():
        assert not theirs.claim("b:2:2")

    mine.refresh_from_db()
    assert mine.worker == "a:1:1"


def test_a_job_whose_tenant_somebody_has_just_taken_stays_queued(run_of, rows):
    tenants = rows(1)
    run, other = (run_of("commands/Probe", tenants) for _run in range(2))
    late = other.jobs.with_edges().get()  # chosen before the tenant was held
    first = claim_next(run, ME)

    with transaction.atomic():
        assert not late.claim("b:2:2")

    late.refresh_from_db()
    assert (late.state, late.worker) == (Job.State.QUEUED, "")
    assert Tenant.objects.get().held_by == first.pk


def test_a_finished_run_gives_no_jobs(run_of, rows):
    run = run_of("commands/Probe", rows(2))

    run.cancel("tester")

    assert claimed(run) is None


@pytest.mark.django_db(transaction=True)
def test_of_two_claims_at_the_same_time_each_job_goes_to_one(run_of, rows):
    run = run_of("commands/Probe", rows(12), parallel=50)
    together = Barrier(2)

    def claim(worker: str) -> list[str]:
        together.wait()
        try:
            jobs = [claim_next(run, worker) for _job in range(7)]
        finally:
            connection.close()
        return [job.tenant.shortname for job in jobs if job]

    with ThreadPoolExecutor(2) as pool:
        mine, theirs = pool.map(claim, ["a:1:1", "b:2:2"])

    assert sorted(mine + theirs) == sorted(f"t{n}" for n in range(12))
    for worker, names in (("a:1:1", mine), ("b:2:2", theirs)):
        held = run.jobs.filter(worker=worker).values_list("tenant__shortname")
        assert sorted(name for (name,) in held) == sorted(names)
