"""An upgrade that ends where none should: no site is left with code it is not for."""

import errno
import time
from pathlib import Path

import pytest

from commands.models import Job
from commands.upgrade import upgrade
from commands.upgrade.status import SiteStatus, Status
from tenants import files, moodledb
from tenants.backup import restore
from tenants.lifecycle import doctor
from tenants.models import HALF_WAY, Journal, Release, Snapshot, Tenant
from tenants.serving import publish
from tenants.serving.publish import site_link
from tests.commands.upgrade.conftest import (
    UPGRADE,
    Visitor,
    config,
    drive,
    job_of,
    kill_an_upgrade,
    set_config,
)
from tests.conftest import RunOf


def assert_as_before(tenant: Tenant, release: Release) -> None:
    tenant.refresh_from_db()
    assert (tenant.release, tenant.attention) == (release, "")
    assert site_link(tenant.key).resolve() == Path(release.path)
    assert not files.in_maintenance(tenant)


def test_one_that_is_stopped_after_the_pin_goes_back(
    tenant: Tenant, releases: dict[str, Release], visitor: Visitor
):
    steps = drive(tenant).run(tenant)
    while next(steps) != "Pinned to release 4.3":
        pass

    steps.close()

    assert_as_before(tenant, releases["4.2"])
    assert visitor.status(tenant) == 200


def test_caches_that_cannot_be_cleared_take_the_pin_back(
    finished: RunOf, tenant: Tenant, releases: dict[str, Release], monkeypatch
):
    def refuse(tenant: Tenant) -> None:
        raise files.FilesError("rm: cannot remove: Input/output error")

    monkeypatch.setattr(files, "clear_caches", refuse)

    job = job_of(finished(UPGRADE, [tenant], "to_release=4.3"))

    assert (job.state, "output error" in job.error) == (Job.State.FAILED, True)
    assert_as_before(tenant, releases["4.2"])


def test_a_pin_that_is_published_in_part_is_taken_back(
    finished: RunOf, tenant: Tenant, releases: dict[str, Release], monkeypatch
):
    Tenant.objects.update(former="https://old.example.org")
    put = publish._put

    def fill_up(key: str, text: str, tree: str) -> None:
        if key == "old.example.org" and tree == releases["4.3"].path:
            raise OSError(errno.ENOSPC, "No space left on device", key)
        put(key, text, tree)

    monkeypatch.setattr(publish, "_put", fill_up)

    job = job_of(finished(UPGRADE, [tenant], "to_release=4.3"))

    assert "cannot be published: No space left" in job.error
    assert_as_before(tenant, releases["4.2"])


def test_a_pin_that_was_published_and_not_stored_is_taken_back(
    tenant: Tenant, releases: dict[str, Release], visitor: Visitor
):
    form = drive(tenant)
    list(form.close_site(tenant))
    tenant.release = releases["4.3"]
    publish.publish(tenant)  # and its worker dies before the registry has it

    form.recover(Tenant.objects.with_edges().get())

    assert_as_before(tenant, releases["4.2"])
    assert visitor.status(tenant) == 200


def test_who_waits_for_another_upgrade_and_dies_leaves_its_lock(tenant: Tenant):
    set_config(tenant, "upgraderunning", int(time.time()) + 300)

    drive(tenant).recover(tenant)

    assert config(tenant, "upgraderunning")


@pytest.mark.parametrize("away", [False, True])
def test_one_that_is_killed_without_a_snapshot_is_told(
    tenant: Tenant, releases: dict[str, Release], monkeypatch, away: bool
):
    kill_an_upgrade(tenant, releases["4.3"])
    form = drive(tenant, "without_snapshot=1")
    list(form.close_site(tenant))
    if away:  # its database server too, as after a loss of power
        unknown = {tenant.pk: SiteStatus(Status.UNKNOWN)}
        monkeypatch.setattr(upgrade, "statuses", lambda tenants: unknown)

    form.recover(Tenant.objects.with_edges().get())

    tenant.refresh_from_db()
    assert tenant.attention == f"{HALF_WAY}: upgrade it again"
    assert not files.in_maintenance(tenant)


def gone(work: restore.Restoration) -> None:
    raise moodledb.MoodleDbError("database server db1: gone")


@pytest.fixture
def stuck(
    finished: RunOf, tenant: Tenant, monkeypatch, releases: dict[str, Release]
) -> Tenant:
    """Return a tenant whose upgrade failed, and whose restore was not undone."""

    set_config(tenant, "sandbox_upgrade_fails", "no")
    with monkeypatch.context() as patched:
        patched.setattr(restore.Restoration, "purge", gone)
        patched.setattr(restore.Restoration, "unswap", gone)
        job = job_of(finished(UPGRADE, [tenant], "to_release=4.3"))
    assert "not undone (swap the database: database server db1: gone)" in job.error
    return job.tenant


def mend(tenant: Tenant) -> None:
    [found] = [f for f in doctor.examine() if str(tenant) in f.sentence]
    assert doctor.mend(found) == ""


def test_a_retry_first_undoes_what_is_left(
    finished: RunOf, stuck: Tenant, releases: dict[str, Release]
):
    job = job_of(finished(UPGRADE, [stuck]))

    kept = Snapshot.objects.get()
    assert (job.state, kept.name in job.text()[0]) == (Job.State.ROLLED_BACK, True)
    assert_as_before(stuck, releases["4.2"])
    assert list(doctor.examine()) == []


def test_so_does_a_restore(
    finished: RunOf, stuck: Tenant, releases: dict[str, Release]
):
    job = finished("lifecycle/Restore", [stuck]).jobs.get()

    assert job.state == Job.State.SUCCEEDED, job.error
    assert_as_before(stuck, releases["4.2"])
    assert list(doctor.examine()) == []


def test_a_restore_that_is_not_undone_hides_no_half_upgrade(
    finished: RunOf, stuck: Tenant, monkeypatch
):
    kept = Snapshot.objects.get()
    mend(stuck)
    with monkeypatch.context() as patched:
        patched.setattr(restore.Restoration, "purge", gone)
        patched.setattr(restore.Restoration, "unswap", gone)
        finished("lifecycle/Restore", [stuck], "without_safety=1")

    mend(stuck)

    stuck.refresh_from_db()
    assert stuck.attention.startswith(
        f"{HALF_WAY}: upgrade it again, or restore {kept}"
    )


def test_a_site_whose_move_was_cut_off_is_not_upgraded(
    finished: RunOf, tenant: Tenant, releases: dict[str, Release]
):
    Journal.objects.create(tenant=tenant, work="move", text="{}")

    job = job_of(finished(UPGRADE, [tenant], "to_release=4.3"))

    assert job.error == "its move was cut off: run manage.py doctor --fix"
    assert_as_before(tenant, releases["4.2"])
