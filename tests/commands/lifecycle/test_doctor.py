"""What crashes leave is found, and cleared away when that is asked for."""

import os
from pathlib import Path

import pytest

from commands import tasks
from tenants import moodledb
from tenants.backup import content, snapshots
from tenants.lifecycle import databases, doctor, provision
from tenants.models import Journal, Snapshot, Tenant
from tests.commands.conftest import Manage
from tests.conftest import RunOf
from tests.leftovers import let_it_be_old
from tests.steps import end

TOKEN = "0123456789abcdef"


def test_a_healthy_fleet_has_nothing(manage: Manage, tenant: Tenant):
    end(snapshots.take(tenant))

    said = manage("doctor")

    assert (said.code, said.out) == (0, "Nothing is left behind\n")


@pytest.fixture
def litter(tenant: Tenant, settings) -> list[str]:
    """Leave one thing of each kind; return a word of each sentence about it."""
    server, pid = tenant.server, os.getpid()
    databases.create(server, f"litter_{pid}", f"vmoodle restore {TOKEN}")
    snapshot = end(snapshots.take(tenant))
    databases.create(server, f"tested_{pid}", snapshots.test_mark(snapshot))
    aside = settings.VMOODLE_DATA_ROOT / f"one.new-{TOKEN}"
    aside.mkdir()
    content.lay_out(settings.VMOODLE_DATA_ROOT / "lost", f"vmoodle create {TOKEN}")
    begun = settings.VMOODLE_SNAPSHOT_DIR / ".new-one-20260101-000000-abcd"
    begun.mkdir()
    (begun / "x").touch()
    unknown = end(snapshots.take(tenant))
    unknown.delete()
    gone = end(snapshots.take(tenant))
    snapshots.remove_directory(gone.path)
    return [
        f"the database litter_{pid} belongs",
        f"the database tested_{pid} belongs",
        f"{aside} belongs",
        "lost belongs to no tenant",
        f"{begun} is a snapshot that was not finished",
        f"snapshot {unknown.name} is not in the registry",
        f"snapshot {gone.name}: its files are gone",
    ]


def test_what_is_left_is_found_and_cleared_away(
    manage: Manage, litter: list[str], tenant: Tenant
):
    found = manage("doctor")
    fixed = manage("doctor", "--fix")
    again = manage("doctor")

    assert found.code == 1
    assert "Left behind: 7; manage.py doctor --fix" in found.err
    assert [word for word in litter if word not in found.out] == []
    assert fixed.code == 0, fixed.out
    assert fixed.out.count("Mended: ") == 7
    assert again.out == "Nothing is left behind\n"
    assert databases.exists(tenant.server, tenant.db_name)
    assert Path(tenant.data_path).is_dir()
    assert Snapshot.objects.count() == 2


def test_what_a_job_is_at_work_on_is_left_alone(
    manage: Manage, tenant: Tenant, settings
):
    snapshot = end(snapshots.take(tenant))
    name = f"tested_{os.getpid()}"
    databases.create(tenant.server, name, snapshots.test_mark(snapshot))
    begun = settings.VMOODLE_SNAPSHOT_DIR / ".new-one-20260101-000000-abcd"
    begun.mkdir()
    Journal.objects.create(tenant=tenant, work="restore", text="{}")
    Tenant.objects.update(held_by=1)

    said = manage("doctor", "--fix")

    assert said.out == "Nothing is left behind\n"
    assert begun.is_dir()
    moodledb.execute(tenant.server, f"DROP DATABASE `{name}`")


def test_what_begins_while_it_looks_is_left_alone(
    manage: Manage, tenant: Tenant, settings, monkeypatch
):
    name = f"restored_{os.getpid()}"
    aside = settings.VMOODLE_DATA_ROOT / f"one.new-{TOKEN}"

    def begin(_awaited):
        Tenant.objects.update(held_by=1)
        Journal.objects.create(tenant=tenant, work="restore", text="{}", token=TOKEN)
        databases.create(tenant.server, name, f"vmoodle restore {TOKEN}")
        aside.mkdir()
        end(snapshots.take(tenant)).delete()  # it is not registered yet
        return iter(())

    monkeypatch.setattr(doctor, "half_done", begin)

    said = manage("doctor", "--fix")

    assert said.out == "Nothing is left behind\n"
    assert databases.exists(tenant.server, name)
    assert aside.is_dir()
    assert not Snapshot.objects.exists()
    moodledb.execute(tenant.server, f"DROP DATABASE `{name}`")


def test_what_has_just_been_entered_is_left_alone(manage: Manage, planned: Tenant):
    left = manage("doctor", "--fix")
    still_there = Tenant.objects.filter(pk=planned.pk).exists()
    let_it_be_old()
    mended = manage("doctor", "--fix")

    assert left.code == 0
    assert f"Left alone: {planned}: it was entered in the last 10 minutes" in left.out
    assert still_there
    assert f"Mended: {planned}: its creation was cut off" in mended.out
    assert not Tenant.objects.filter(pk=planned.pk).exists()


def test_a_half_made_tenant_is_unmade(manage: Manage, planned: Tenant):
    journal = provision.unfinished(planned)
    assert journal
    databases.create(planned.server, planned.db_name, journal.mark)
    journal.begin("make the database")

    said = manage("doctor", "--fix")

    assert f"Mended: {planned}: its creation was cut off" in said.out
    assert not Tenant.objects.filter(shortname="new").exists()
    assert not databases.exists(planned.server, planned.db_name)


def test_what_the_registry_forgets_stays(
    manage: Manage, planned: Tenant, finished: RunOf
):
    finished("lifecycle/Create", [planned])
    new = Tenant.objects.with_edges().get(pk=planned.pk)
    content.set_mark(Path(new.data_path), f"vmoodle restore {TOKEN}")
    new.delete()

    said = manage("doctor", "--fix")

    assert said.out == "Nothing is left behind\n"
    assert databases.exists(new.server, new.db_name)
    assert Path(new.data_path).is_dir()


def test_a_tenant_that_waits_to_be_made_is_left_alone(
    manage: Manage, planned: Tenant, run_of: RunOf
):
    run = run_of("lifecycle/Create", [planned])

    said = manage("doctor", "--fix")
    tasks.lane(run.pk)

    assert said.out == "Nothing is left behind\n"
    assert run.jobs.get().state == "succeeded", run.jobs.get().error


def test_what_cannot_be_mended_is_told(manage: Manage, tenant: Tenant, settings):
    aside = settings.VMOODLE_DATA_ROOT / f"one.new-{TOKEN}"
    aside.mkdir()
    settings.VMOODLE_SNAPSHOT_DIR.mkdir()
    (settings.VMOODLE_SNAPSHOT_DIR / "broken").mkdir()
    (settings.VMOODLE_SNAPSHOT_DIR / "broken/manifest.json").write_text("x")

    said = manage("doctor", "--fix")

    assert said.code == 1
    assert "Found: snapshot broken is not in the registry: " in said.out
    assert "it is no JSON" in said.out
    assert not aside.exists()


def test_snapshots_are_not_forgotten_while_their_disk_is_away(
    manage: Manage, tenant: Tenant, settings
):
    for _number in range(2):
        end(snapshots.take(tenant, template=True))
    directory = settings.VMOODLE_SNAPSHOT_DIR
    directory.rename(directory.with_name("unmounted"))
    directory.mkdir()

    said = manage("doctor", "--fix")

    assert Snapshot.objects.filter(is_template=True).count() == 2
    assert f"none of the 2 snapshots is in {directory}: is its disk away?" in said.out
