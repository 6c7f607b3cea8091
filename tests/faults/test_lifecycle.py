"""Processes are killed at every step of a tenant's life; nothing is lost or left."""

import os
from pathlib import Path

import pytest

from commands import tasks
from tenants import files, moodledb
from tenants.backup import snapshots
from tenants.lifecycle import databases, doctor, provision
from tenants.models import Journal, Snapshot, Tenant
from tests.commands.lifecycle import test_move, test_rename
from tests.faults.conftest import assert_healthy, new_database, reap
from tests.leftovers import let_it_be_old
from tests.steps import end
from tests.tenants import making
from tests.tenants.backup import test_restore

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.mark.usefixtures("cleared")
@pytest.mark.parametrize("step", making.STEPS)
@pytest.mark.parametrize("when", ["begun", "done"])
def test_a_creation_that_is_killed_leaves_nothing(
    victim, tenant: Tenant, step: str, when: str
):
    victim(
        f"{when}:{step}",
        "createnode",
        "--host=https://new.example.org",
        "--name=New",
        "--shortname=new",
        f"--db-name={new_database()}",
        f"--source={tenant.wwwroot}",
        "--force-dns",
    )

    reap()

    making.assert_nothing_left()
    assert not databases.exists(tenant.server, new_database())
    assert_healthy()


@pytest.mark.usefixtures("cleared")
@pytest.mark.parametrize(
    "place",
    [
        "before:tenants.backup.dump.load",
        "after:tenants.backup.dump.load",
        "after:tenants.lifecycle.databases.create_account",
        "after:tenants.backup.content.set_mark",
        "before:tenants.lifecycle.identity.replace",
    ],
)
def test_a_creation_that_is_killed_within_a_step_leaves_nothing(
    victim, tenant: Tenant, place: str
):
    end(snapshots.take(tenant, template=True))

    victim(
        place,
        "createnode",
        "--host=https://new.example.org",
        "--name=New",
        "--shortname=new",
        f"--db-name={new_database()}",
        f"--template={tenant.wwwroot}",
        "--force-dns",
    )
    reap()

    making.assert_nothing_left()
    assert_healthy()


@pytest.mark.parametrize("step", test_restore.STEPS)
@pytest.mark.parametrize("when", ["begun", "done"])
def test_a_restore_that_is_killed_is_undone(
    victim, tenant: Tenant, snapshot: Snapshot, step: str, when: str
):
    victim(f"{when}:{step}", "restore", f"--host={tenant.wwwroot}")

    reap()

    assert not test_restore.is_restored(tenant)
    test_restore.assert_nothing_left(tenant)
    assert_healthy()


def test_a_restore_that_is_killed_between_two_renames_is_undone(
    victim, tenant: Tenant, snapshot: Snapshot
):
    victim(
        "after:tenants.backup.content.rename",
        "restore",
        f"--host={tenant.wwwroot}",
        "--without-safety",
    )
    assert not Path(tenant.data_path).exists()

    reap()

    assert not test_restore.is_restored(tenant)
    test_restore.assert_nothing_left(tenant)


def test_a_restore_that_is_killed_at_its_end_has_been_done(
    victim, tenant: Tenant, snapshot: Snapshot
):
    victim(
        "before:tenants.lifecycle.databases.drop", "restore", f"--host={tenant.wwwroot}"
    )

    assert tasks.reap() == 1

    assert test_restore.is_restored(tenant)
    left = list(doctor.examine())
    assert [doctor.mend(found) for found in left] == [""] * len(left)
    test_restore.assert_nothing_left(tenant)
    assert_healthy()


def test_a_restore_test_that_is_killed_leaves_no_database(
    victim, tenant: Tenant, snapshot: Snapshot
):
    victim(
        "after:tenants.backup.dump.load",
        "restore",
        f"--host={tenant.wwwroot}",
        "--test",
    )
    assert databases.marked(tenant.server, "vmoodle test")

    reap()

    assert databases.marked(tenant.server, "vmoodle") == {}
    assert_healthy()


@pytest.mark.parametrize("step", test_rename.STEPS)
@pytest.mark.parametrize("when", ["begun", "done"])
@pytest.mark.usefixtures("known")
def test_a_renaming_that_is_killed_is_undone(victim, tenant: Tenant, step, when: str):
    words = [f"--host={tenant.wwwroot}", f"--wwwroot={test_rename.NEW}", "--redirect"]
    victim(f"{when}:{step}", "renamenode", *words)

    reap()

    assert not test_rename.is_renamed(tenant)
    assert_healthy()


@pytest.mark.parametrize(
    "place",
    [
        *(f"done:{step}" for step in test_move.STEPS[:-1]),
        "after:tenants.backup.content.lay_out",
        "after:tenants.backup.dump.load",
    ],
)
@pytest.mark.usefixtures("site")
def test_a_move_that_is_killed_is_undone(victim, tenant: Tenant, settings, place: str):
    target = test_move.there(settings)
    words = [f"--host={tenant.wwwroot}", "--to-server=db2", f"--data-path={target}"]
    victim(place, "movenode", *words)

    reap()

    assert not test_move.is_moved(tenant, target)
    assert_healthy()


@pytest.mark.parametrize(
    "place", ["done:purge the caches", "before:tenants.backup.content.rename"]
)
@pytest.mark.usefixtures("site")
def test_a_move_is_done_or_undone_at_its_end(
    victim, tenant: Tenant, settings, place: str
):
    target = test_move.there(settings)
    words = [f"--host={tenant.wwwroot}", "--to-server=db2", f"--data-path={target}"]
    victim(place, "movenode", *words)

    assert tasks.reap() == 1

    moved = Tenant.objects.with_edges().get()
    assert (moved.data_path == str(target)) == place.startswith("before")
    assert not files.in_maintenance(moved)
    assert "version" in moodledb.config_of(moved, ["version"])


@pytest.mark.parametrize(
    "place",
    [
        "after:tenants.backup.snapshots._make",
        "after:tenants.backup.content.keep_pool",
        "before:tenants.backup.dump.part_of",
        "after:tenants.backup.dump.dump",
        "after:tenants.backup.content.keep_rest",
        "after:tenants.backup.manifest.write",
        "before:tenants.backup.snapshots.register",
    ],
)
def test_a_snapshot_that_is_killed_is_whole_or_nothing(
    victim, tenant: Tenant, place: str
):
    victim(place, "snapshot", f"--host={tenant.wwwroot}")

    reap()
    for found in doctor.examine():  # whole, and only not in the registry yet
        assert "is not in the registry" in found.sentence
        assert doctor.mend(found) == ""

    assert_healthy()
    for made in Snapshot.objects.all():
        end(snapshots.prove(made, tenant.server))
    assert Snapshot.objects.count() == (
        place == "before:tenants.backup.snapshots.register"
    )


@pytest.mark.parametrize(
    "place",
    [
        "before:tenants.backup.snapshots.take",
        "after:tenants.backup.snapshots.take",
        "before:tenants.lifecycle.destroy.end",
        "before:tenants.lifecycle.databases.drop_account",
        "before:tenants.backup.content.remove_for_good",
        "after:tenants.backup.content.remove_for_good",
    ],
)
def test_an_end_that_is_killed_is_done_by_giving_it_again(
    victim, tenant: Tenant, place: str, finished
):
    words = [f"--host={tenant.wwwroot}", f"--confirm={tenant.wwwroot}", "--now"]
    tenant.db_user = f"vm_{os.getpid()}"
    databases.create_account(tenant)
    databases.grant(tenant)
    tenant.save()
    victim(place, "destroynode", *words)
    reap()

    run = finished("lifecycle/Destroy", [tenant], "now=1")

    assert run.jobs.get().state == "succeeded", run.jobs.get().error
    assert not Tenant.objects.exists()
    assert not databases.exists(tenant.server, tenant.db_name)
    assert not databases.has_account(tenant.server, tenant.db_user)
    assert not Path(tenant.data_path).exists()
    assert Snapshot.objects.filter(reason=Snapshot.Reason.FINAL).exists()
    assert_healthy()


def test_what_was_entered_and_never_begun_is_unmade(victim, tenant: Tenant):
    end(snapshots.take(tenant, template=True))
    victim(
        "before:commands.host.this_process",
        "createnode",
        "--host=https://new.example.org",
        "--name=New",
        "--shortname=new",
        f"--db-name={new_database()}",
        f"--template={tenant.wwwroot}",
        "--force-dns",
    )
    assert Journal.objects.filter(work=provision.WORK).exists()

    let_it_be_old()
    [found] = list(doctor.examine())

    assert doctor.mend(found) == ""
    making.assert_nothing_left()
