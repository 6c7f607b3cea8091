from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from commands import tasks
from commands.upkeep import tidy
from tenants import moodledb
from tenants.lifecycle import databases, destroy
from tenants.models import Journal, Snapshot, Tenant
from tenants.serving import publish
from tests.commands.conftest import Manage
from tests.conftest import AddTenant, RunOf


def test_a_deleted_tenant_answers_nobody_and_keeps_all(finished: RunOf, tenant: Tenant):
    run = finished("lifecycle/Destroy", [tenant])

    assert run.jobs.get().state == "succeeded", run.jobs.get().error
    tenant.refresh_from_db()
    assert not tenant.enabled
    assert tenant.deleted_at
    assert not publish.boot_file(tenant.key).exists()
    assert not publish.site_link(tenant.key).is_symlink()
    assert databases.exists(tenant.server, tenant.db_name)
    assert Path(tenant.data_path).is_dir()
    final = Snapshot.objects.get()
    assert (final.reason, bool(final.keep_until)) == (Snapshot.Reason.FINAL, True)


def test_a_deleted_tenant_comes_back(finished: RunOf, tenant: Tenant):
    finished("lifecycle/Destroy", [tenant], "without_snapshot=1")

    finished("lifecycle/Enable", [tenant])

    tenant.refresh_from_db()
    assert (tenant.enabled, tenant.deleted_at) == (True, None)
    assert publish.boot_file(tenant.key).is_file()


def test_nothing_of_it_is_left_at_the_end(manage: Manage, owner: Tenant):
    said = manage(
        "destroynode",
        f"--host={owner.wwwroot}",
        f"--confirm={owner.wwwroot}",
        "--now",
        "--without-snapshot",
    )

    assert said.code == 0, said.err
    assert not Tenant.objects.exists()
    assert not databases.exists(owner.server, owner.db_name)
    assert not databases.has_account(owner.server, owner.db_user)
    assert not Path(owner.data_path).exists()


def test_the_last_snapshot_outlives_it(finished: RunOf, tenant: Tenant, settings):
    finished("lifecycle/Destroy", [tenant])
    Snapshot.objects.update(keep_until=None)

    run = finished("lifecycle/Destroy", [tenant], "now=1")

    assert run.jobs.get().state == "succeeded", run.jobs.get().error
    final = Snapshot.objects.get()
    assert (final.tenant, final.wwwroot) == (None, "https://one.example.org")
    days = (final.keep_until - timezone.now()).days
    assert days == settings.VMOODLE_FINAL_DAYS - 1
    assert final.path.is_dir()
    assert run.jobs.get().wwwroot == "https://one.example.org"


def test_one_that_is_brought_back_before_its_end_lives_on(
    finished: RunOf, tenant: Tenant
):
    Tenant.objects.update(enabled=False, deleted_at=timezone.now())
    run = tidy.end([Tenant.objects.get()], tidy.SCHEDULE)
    assert run
    finished("lifecycle/Enable", [tenant])

    tasks.lane(run.pk)

    found = Tenant.objects.get()
    assert (found.enabled, found.deleted_at) == (True, None)
    assert databases.exists(tenant.server, tenant.db_name)
    job = run.jobs.get()
    assert (job.state, job.error) == ("skipped", "it is not deleted any more")


def test_the_snapshot_of_a_former_end_is_no_last_one(
    finished: RunOf, tenant: Tenant, settings
):
    settings.VMOODLE_PURGE_DAYS = 30
    long_ago = timezone.now() - timedelta(days=31)
    finished("lifecycle/Destroy", [tenant])
    finished("lifecycle/Enable", [tenant])
    finished("lifecycle/Destroy", [tenant], "without_snapshot=1")
    Tenant.objects.update(deleted_at=long_ago)

    assert destroy.due() == []

    finished("lifecycle/Enable", [tenant])
    finished("lifecycle/Destroy", [tenant])
    Tenant.objects.update(deleted_at=long_ago)
    assert destroy.due() == [tenant]


@pytest.mark.parametrize("gone", ["database", "account", "files"])
def test_an_end_that_was_cut_off_is_done_again(
    finished: RunOf, owner: Tenant, gone: str
):
    if gone == "database":
        moodledb.execute(owner.server, f"DROP DATABASE `{owner.db_name}`")
    elif gone == "account":
        databases.drop_account(owner)
    else:
        Path(owner.data_path).rmdir()

    run = finished("lifecycle/Destroy", [owner], "now=1&without_snapshot=1")

    assert run.jobs.get().state == "succeeded", run.jobs.get().error
    assert not Tenant.objects.exists()


def test_an_account_that_others_use_stays(finished: RunOf, owner: Tenant, add_tenant):
    add_tenant("two", install=False, db_user=owner.db_user)

    finished("lifecycle/Destroy", [owner], "now=1&without_snapshot=1")

    assert databases.has_account(owner.server, owner.db_user)


def test_the_account_goes_though_accounts_are_from_elsewhere_since(
    finished: RunOf, owner: Tenant
):
    owner.server.accounts_from = "10.0.0.%"
    owner.server.save()

    finished("lifecycle/Destroy", [owner], "now=1&without_snapshot=1")

    sql = "SELECT 1 FROM mysql.user WHERE User = %s"
    assert moodledb.query(owner.server, sql, [owner.db_user]) == []


def test_files_outside_of_the_data_root_stay(
    finished: RunOf, owner: Tenant, settings, tmp_path: Path
):
    settings.VMOODLE_DATA_ROOT = tmp_path / "elsewhere"

    run = finished("lifecycle/Destroy", [owner], "now=1&without_snapshot=1")

    assert "Left behind: " in run.jobs.get().text()[0]
    assert Path(owner.data_path).is_dir()
    assert not Tenant.objects.exists()


@pytest.mark.parametrize("other", ["below", "above", "alias", "pool"])
def test_files_that_another_tenant_has_as_well_stay(
    finished: RunOf, owner: Tenant, add_tenant, tmp_path: Path, other: str
):
    (tmp_path / "link").symlink_to(tmp_path / "data")
    paths = {
        "below": f"{owner.data_path}/two",
        "above": str(tmp_path / "data"),
        "alias": str(tmp_path / "link" / "one"),
        "pool": str(tmp_path / "data" / "two"),
    }
    add_tenant("two", install=False, data_path=paths[other])
    if other == "pool":
        (tmp_path / "data/two/filedir").symlink_to(f"{owner.data_path}/filedir")
    kept = Path(owner.data_path, "kept")
    kept.touch()

    run = finished("lifecycle/Destroy", [owner], "now=1&without_snapshot=1")

    said = run.jobs.get().text()[0]
    assert f"Left behind: {owner.data_path} is not its own alone" in said
    assert kept.exists()
    assert Tenant.objects.get().shortname == "two"


def test_a_tenant_whose_snapshot_fails_is_not_destroyed(finished: RunOf, owner: Tenant):
    run = finished("lifecycle/Destroy", [owner], "now=1")

    assert run.jobs.get().state == "failed"
    assert Tenant.objects.get().deleted_at is None
    assert databases.exists(owner.server, owner.db_name)


@pytest.mark.parametrize("kind", ["main", "half made"])
def test_some_must_not_be_destroyed(finished: RunOf, tenant: Tenant, kind: str):
    if kind == "main":
        Tenant.objects.update(is_main=True)
    else:
        Journal.objects.create(tenant=tenant, work="restore", text="{}")

    run = finished("lifecycle/Destroy", [tenant], "now=1")

    assert f"is {'the main tenant' if kind == 'main' else kind}" in run.jobs.get().error
    assert databases.exists(tenant.server, tenant.db_name)


@pytest.mark.parametrize("confirm", [[], ["--confirm=https://two.example.org"]])
def test_the_shell_wants_the_address_twice(manage: Manage, tenant: Tenant, confirm):
    said = manage("destroynode", f"--host={tenant.wwwroot}", *confirm, "--now")

    assert said.code == 2
    assert "Not confirmed: give --confirm=https://one.example.org" in said.err
    assert Tenant.objects.get().deleted_at is None


def test_many_are_destroyed_when_it_is_confirmed(
    manage: Manage, workers, add_tenant: AddTenant
):
    for name in ("one", "two"):
        add_tenant(name, install=False)

    asked = manage("bulkdestroynodes", "--tohosts=*", "--now", "--without-snapshot")
    assert asked.code == 2
    assert Tenant.objects.count() == 2
    said = manage(
        "bulkdestroynodes", "--tohosts=*", "--now", "--without-snapshot", "--yes"
    )

    assert said.code == 0, said.err
    assert not Tenant.objects.exists()
