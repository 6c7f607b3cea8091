"""A worker dies in mid upgrade: the site can go back, and no work on it is lost."""

import pytest

from commands.models import Job
from mnet import binding
from tenants import files, moodledb
from tenants.backup import snapshots
from tenants.models import HALF_WAY, Release, Snapshot, Tenant
from tests.commands.upgrade.conftest import (
    SCRIPT,
    config,
    replace_script,
    set_config,
    tables,
)
from tests.conftest import RunOf
from tests.faults.conftest import assert_healthy, reap
from tests.steps import end

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
UPGRADE = "upgrade/Upgrade"


@pytest.fixture
def before(tenant: Tenant) -> dict[str, list[tuple]]:
    """Return what the site holds, whose upgrade will fail."""
    set_config(tenant, "sandbox_upgrade_fails", "no")
    return tables(tenant)


@pytest.fixture
def first(victim, tenant: Tenant, before) -> Snapshot:
    """Return the snapshot that was taken before an upgrade whose worker died."""
    words = [f"--host={tenant.wwwroot}", "--to-release=4.3"]
    victim("before:tenants.backup.restore.restore", "upgrade", *words)
    reap()
    tenant.refresh_from_db()
    return Snapshot.objects.get(tenant=tenant)


def heal(tenant: Tenant) -> None:
    set_config(tenant, "sandbox_upgrade_fails", "")


def again(finished: RunOf, tenant: Tenant, attributes: str = "") -> Job:
    job = finished(UPGRADE, [tenant], attributes).jobs.get()
    tenant.refresh_from_db()
    return job


def test_a_site_that_can_go_back_stays_closed(first: Snapshot, tenant: Tenant):
    assert files.in_maintenance(tenant)
    assert tenant.attention == (
        f"{HALF_WAY}: upgrade it again, or restore {first}; it stays closed until then"
    )
    assert config(tenant, "upgraderunning") is None
    assert_healthy()


def test_a_retry_that_works_opens_it(first: Snapshot, tenant: Tenant, finished: RunOf):
    heal(tenant)

    job = again(finished, tenant)

    assert job.state == Job.State.SUCCEEDED, job.error
    assert "since: a failure goes back to it" in job.text()[0]
    assert (tenant.attention, files.in_maintenance(tenant)) == ("", False)
    assert Snapshot.objects.get() == first
    assert_healthy()


def test_a_retry_that_fails_goes_back_to_what_was_before_the_first_try(
    first: Snapshot,
    tenant: Tenant,
    before,
    finished: RunOf,
    releases: dict[str, Release],
    monkeypatch,
):
    told: list[Tenant] = []
    monkeypatch.setattr(binding, "agree", lambda one: told.append(one) or [])

    job = again(finished, tenant)

    assert told == [tenant]
    assert job.state == Job.State.ROLLED_BACK, job.error
    assert job.error.endswith("; the site is what it was before")
    assert tables(tenant) == before
    assert (tenant.attention, files.in_maintenance(tenant)) == ("", False)
    assert tenant.release == releases["4.2"]
    assert Snapshot.objects.get() == first
    assert_healthy()


def test_a_retry_that_fails_before_it_begins_goes_back_as_well(
    first: Snapshot,
    tenant: Tenant,
    before,
    finished: RunOf,
    releases: dict[str, Release],
):
    replace_script(releases["4.3"], SCRIPT, "posix_kill(posix_getpid(), 9);")

    job = again(finished, tenant)

    assert job.state == Job.State.ROLLED_BACK, job.error
    assert tables(tenant) == before
    assert (tenant.attention, files.in_maintenance(tenant)) == ("", False)


def test_a_retry_that_is_killed_as_well_can_still_go_back(
    first: Snapshot,
    tenant: Tenant,
    before,
    victim,
    finished: RunOf,
):
    victim(
        "before:tenants.backup.restore.restore", "upgrade", f"--host={tenant.wwwroot}"
    )
    reap()
    assert files.in_maintenance(tenant)

    job = again(finished, tenant)

    assert job.state == Job.State.ROLLED_BACK, job.error
    assert tables(tenant) == before
    assert not files.in_maintenance(tenant)


def test_what_was_done_on_a_site_that_was_opened_meanwhile_is_kept(
    first: Snapshot, tenant: Tenant, finished: RunOf
):
    files.leave_maintenance(tenant)
    set_config(tenant, "done_since", "1")

    job = again(finished, tenant)

    assert job.state == Job.State.ROLLED_BACK, job.error
    assert job.error.endswith("; the site is what it was before, half upgraded")
    assert f"nothing goes back to {first}, which lacks" in job.text()[0]
    assert config(tenant, "done_since") == "1"
    assert tenant.attention == f"{HALF_WAY}: upgrade it again"
    assert not files.in_maintenance(tenant)
    assert Snapshot.objects.exclude(pk=first.pk).get().half_way


def test_the_newest_snapshot_is_none_of_the_half_upgraded_site(
    first: Snapshot,
    tenant: Tenant,
    before,
    finished: RunOf,
    releases: dict[str, Release],
):
    half = end(snapshots.take(tenant))
    assert (half.half_way, first.half_way) == (True, False)

    job = finished("lifecycle/Restore", [tenant]).jobs.get()

    tenant.refresh_from_db()
    assert (job.state, job.result["snapshot"]) == ("succeeded", first.name), job.error
    assert "newer ones than" in job.text()[0]
    assert (tables(tenant), tenant.release) == (before, releases["4.2"])
    assert (tenant.attention, files.in_maintenance(tenant)) == ("", False)


def test_one_of_the_half_upgraded_site_is_restored_by_its_name(
    first: Snapshot, tenant: Tenant, finished: RunOf
):
    set_config(tenant, "done_since", "1")
    half = end(snapshots.take(tenant))
    moodledb.forget_config(tenant, "done_since")

    finished("lifecycle/Restore", [tenant], f"snapshot={half}&without_safety=1")

    tenant.refresh_from_db()
    assert config(tenant, "done_since") == "1"
    assert tenant.is_half_upgraded
    assert files.in_maintenance(tenant)


def test_what_a_half_upgraded_site_can_go_back_to_is_kept(
    first: Snapshot, tenant: Tenant, settings
):
    settings.VMOODLE_SNAPSHOT_KEEP, settings.VMOODLE_SNAPSHOT_DAYS = 1, 0
    end(snapshots.take(tenant))
    end(snapshots.take(tenant))

    kept = list(Snapshot.objects.all())

    assert (len(kept), kept[-1]) == (2, first)


def test_an_upgrade_that_was_done_when_its_worker_died_leaves_no_mark(
    tenant: Tenant,
    victim,
):
    words = [f"--host={tenant.wwwroot}", "--to-release=4.3"]
    victim("after:tenants.php.run", "upgrade", *words)

    reap()

    tenant.refresh_from_db()
    assert (tenant.attention, files.in_maintenance(tenant)) == ("", False)
