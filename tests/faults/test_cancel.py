"""A run and a job are cancelled while they are at work."""

import pytest
from django.db.models import Q

from commands.models import Job, Run
from tenants import files
from tenants.models import Tenant
from tests.conftest import RunOf
from tests.faults.conftest import (
    StartWorkers,
    cron_at_work,
    hurry,
    php_processes,
    wait_for_php,
)
from tests.patience import eventually

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def ended(run: Run) -> bool:
    run.refresh_from_db()
    return run.state == Run.State.FINISHED


def test_a_cancelled_run_lets_an_upgrade_that_has_begun_come_to_its_end(
    run_of: RunOf, fleet: list[Tenant], start_workers: StartWorkers
):
    run = run_of("upgrade/Upgrade", fleet, "to_release=4.3", parallel=1)
    start_workers()
    [job] = wait_for_php(run)

    run.cancel("tester")
    hurry(fleet)

    eventually(lambda: ended(run))
    job.refresh_from_db()
    counts = run.counts()
    # It must not be cut off before it is known that the site is whole, and open.
    assert "-->theme_boost" in job.text()[0]
    assert job.state == Job.State.SUCCEEDED
    assert counts["cancelled"] == 3
    assert php_processes() == []
    site = Tenant.objects.get(pk=job.tenant_id)
    assert (site.attention, files.in_maintenance(site)) == ("", False)


def test_a_job_that_waits_is_cancelled_at_once_and_opens_its_site(
    run_of: RunOf, fleet: list[Tenant], start_workers: StartWorkers
):
    tenant = fleet[0]
    with cron_at_work(tenant):
        run = run_of("upgrade/Upgrade", [tenant], "to_release=4.3", parallel=1)
        start_workers()
        eventually(lambda: "wait for cron" in run.jobs.get().text()[0])
        assert files.in_maintenance(tenant)

        run.cancel("alice", Q(pk=run.jobs.get().pk))

        eventually(lambda: ended(run))
    assert run.jobs.get().state == Job.State.CANCELLED
    assert not files.in_maintenance(tenant)
    tenant.refresh_from_db()
    assert tenant.held_by is None
    assert tenant.release.name == "4.2"
