"""An upgrade that fails or dies half way: back to what was before, or on to the end."""

from pathlib import Path
from threading import Timer

from commands.models import Job
from commands.tasks import lane
from commands.upgrade.upgrade import Upgrade
from tenants import files, moodledb
from tenants.lifecycle import databases
from tenants.models import Release, Snapshot, Tenant
from tenants.serving.publish import site_link
from tests.commands.upgrade.conftest import (
    SCRIPT,
    UPGRADE,
    Visitor,
    config,
    drive,
    job_of,
    kill_an_upgrade,
    replace_script,
    set_config,
    tables,
)
from tests.conftest import MariaDb, RunOf
from tests.patience import PATIENCE


def test_an_upgrade_that_fails_half_way_is_rolled_back(
    finished: RunOf, tenant: Tenant, releases: dict[str, Release], visitor: Visitor
):
    set_config(tenant, "sandbox_upgrade_fails", "no")
    before = tables(tenant)

    job = job_of(finished(UPGRADE, [tenant], "to_release=4.3"))

    assert job.state == Job.State.ROLLED_BACK
    assert job.error.endswith("; the site is what it was before")
    assert tables(tenant) == before
    assert job.tenant.release == releases["4.2"]
    assert site_link(tenant.key).resolve() == Path(releases["4.2"].path)
    assert visitor.status(tenant) == 200
    assert (job.tenant.attention, job.tenant.held_by) == ("", None)
    kept = Snapshot.objects.get(tenant=tenant)
    assert (kept.reason, kept.note) == ("upgrade", "before the upgrade to 4.3")
    assert databases.marked(tenant.server, "vmoodle") == {}


def test_with_one_release_only_a_failed_upgrade_is_rolled_back_as_well(
    finished: RunOf, pinned: Tenant
):
    set_config(pinned, "sandbox_upgrade_fails", "no")
    before = tables(pinned)

    job = job_of(finished(UPGRADE, [pinned]))

    assert job.state == Job.State.ROLLED_BACK
    assert tables(pinned) == before
    assert job.tenant.release.name == "4.3"


def test_a_server_that_dies_is_waited_for_though_our_own_connection_lives_on(
    finished: RunOf, tenant: Tenant, mariadb: MariaDb, monkeypatch, settings
):
    settings.VMOODLE_DATABASE_WAIT = PATIENCE
    set_config(tenant, "sandbox_upgrade_fails", "no")
    unlock = Upgrade._unlock
    back = Timer(2, mariadb.start)

    def die(self: Upgrade, tenant: Tenant) -> None:
        mariadb.kill()
        back.start()
        unlock(self, tenant)

    monkeypatch.setattr(Upgrade, "_unlock", die)
    # A server that is killed closes its connections one by one.
    monkeypatch.setattr(moodledb.Connection, "is_good", lambda _connection: True)

    job = job_of(finished(UPGRADE, [tenant], "to_release=4.3"))

    back.join()
    assert (job.state, job.tenant.attention) == (Job.State.ROLLED_BACK, "")
    assert databases.marked(tenant.server, "vmoodle") == {}


LOSE_THE_SNAPSHOT = "echo '-->System', PHP_EOL; array_map('unlink', {}); exit(1);"


def test_a_tenant_that_cannot_be_rolled_back_needs_attention(
    finished: RunOf, tenant: Tenant, releases: dict[str, Release], settings
):
    dumps = f"glob('{settings.VMOODLE_SNAPSHOT_DIR}/*/database/*')"
    script = Path(releases["4.3"].path, SCRIPT)
    works = script.read_text()
    replace_script(releases["4.3"], SCRIPT, LOSE_THE_SNAPSHOT.format(dumps))

    job = job_of(finished(UPGRADE, [tenant], "to_release=4.3"))
    script.write_text(works)
    again = job_of(finished(UPGRADE, [tenant]))

    assert (job.state, job.exit_code) == (Job.State.FAILED, 1)
    assert "; and it could not be rolled back: load the snapshot: " in job.error
    assert job.tenant.release == releases["4.3"]
    assert job.tenant.attention.startswith("its upgrade failed half-way: upgrade it")
    assert again.state == Job.State.SUCCEEDED
    assert again.tenant.attention == ""


def test_a_roll_back_that_is_cut_off_leaves_the_site_closed(
    finished: RunOf, tenant: Tenant, releases: dict[str, Release], visitor: Visitor
):
    set_config(tenant, "sandbox_upgrade_fails", "no")
    form = drive(tenant)
    steps = form.run(tenant)
    while next(steps) != "== swap the database":
        pass
    steps.close()

    form.recover(tenant)

    tenant.refresh_from_db()
    assert tenant.release == releases["4.3"]
    assert tenant.is_half_upgraded
    assert visitor.status(tenant) == 503
    set_config(tenant, "sandbox_upgrade_fails", "")
    assert job_of(finished(UPGRADE, [tenant])).state == Job.State.SUCCEEDED
    assert visitor.status(tenant) == 200
    assert databases.marked(tenant.server, "vmoodle") == {}


def test_what_fails_after_the_upgrade_does_not_undo_it(
    finished: RunOf, tenant: Tenant, releases: dict[str, Release]
):
    script = "admin/cli/purge_caches.php"
    replace_script(releases["4.3"], script, "echo 'no room'; exit(1);")

    job = job_of(finished(UPGRADE, [tenant], "to_release=4.3&purge_caches=1"))

    assert job.state == Job.State.FAILED
    assert "no room" in job.error
    assert job.tenant.release == releases["4.3"]
    assert config(tenant, "release") == "4.3 (Build: 20231009)"


WITHOUT = "to_release=4.3&without_snapshot=1"


def test_without_a_snapshot_a_failed_upgrade_stays_at_the_new_release(
    finished: RunOf, tenant: Tenant, releases: dict[str, Release]
):
    set_config(tenant, "sandbox_upgrade_fails", "no")

    job = job_of(finished(UPGRADE, [tenant], WITHOUT))

    assert job.state == Job.State.FAILED
    assert job.tenant.release == releases["4.3"]
    assert job.tenant.attention == "its upgrade failed half-way: upgrade it again"
    assert not files.in_maintenance(job.tenant)
    assert not Snapshot.objects.exists()


def test_an_upgrade_that_failed_is_healed_by_the_next(finished: RunOf, tenant: Tenant):
    set_config(tenant, "sandbox_upgrade_fails", "no")
    failed = finished(UPGRADE, [tenant], WITHOUT)
    set_config(tenant, "sandbox_upgrade_fails", "")

    again = failed.retry(Job.BAD, "tester", "shell")
    again.save()
    again.start()
    lane(again.pk)

    job = job_of(again)
    assert job.state == Job.State.SUCCEEDED
    assert "Upgrade not finished, or plugins pending" in job.text()[0]


def test_an_upgrade_that_was_killed_is_healed_by_the_next(
    finished: RunOf, tenant: Tenant, releases: dict[str, Release]
):
    kill_an_upgrade(tenant, releases["4.3"])

    run = finished(UPGRADE, [tenant])

    job = job_of(run)
    text = job.text()[0]
    assert job.state == Job.State.SUCCEEDED, job.error
    assert "Another upgrade seems to run" in text
    assert "that upgrade is dead" in text
    assert job.tenant.up_to_date is True
