"""The database server is killed in the middle of all that is done with a tenant."""

import threading
import time

import pytest

from commands.models import Job
from tenants import moodledb
from tenants.backup import dump
from tenants.lifecycle import databases, doctor, rename
from tenants.models import Snapshot, Tenant
from tests.commands.lifecycle import test_move, test_rename
from tests.conftest import MariaDb, RunOf
from tests.faults.conftest import assert_healthy, kill_and_start_again
from tests.tenants import making
from tests.tenants.backup import test_restore

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.mark.usefixtures("cleared")
def test_a_creation_is_undone_once_the_server_is_back(
    finished: RunOf, planned: Tenant, mariadb: MariaDb, monkeypatch
):
    monkeypatch.setattr(dump, "load", failing_load(mariadb))

    run = finished("lifecycle/Create", [planned])

    job = run.jobs.get()
    assert job.state == Job.State.FAILED
    assert job.error.startswith("load the site: ")
    making.assert_nothing_left()
    assert_healthy()


def failing_load(mariadb: MariaDb):
    """Return a load during which the server is killed, and comes back."""
    load = dump.load

    def cut_off(server, name, directory, files):
        killer = threading.Thread(target=kill_and_start_again, args=(mariadb, 2.0))
        with moodledb.connected(server) as run:
            run("FLUSH TABLES WITH READ LOCK")  # else it may be loaded by then
            steps = load(server, name, directory, files)
            next(steps)
            killer.start()
            try:
                yield from steps
                databases.query(server, f"SELECT 1 FROM `{name}`.nothing")
            finally:
                killer.join()

    return cut_off


@pytest.mark.usefixtures("cleared")
def test_a_creation_that_cannot_be_undone_is_left_to_the_doctor(
    finished: RunOf, planned: Tenant, mariadb: MariaDb, monkeypatch, settings
):
    settings.VMOODLE_DATABASE_WAIT = 0
    load = dump.load

    def stop(*args):
        mariadb.stop()
        yield from load(*args)

    monkeypatch.setattr(dump, "load", stop)
    try:
        job = finished("lifecycle/Create", [planned]).jobs.get()
    finally:
        mariadb.start()

    assert "not undone (database server db1: " in job.error
    left = Tenant.objects.get(pk=planned.pk)
    assert not left.enabled
    assert "run manage.py doctor --fix" in left.attention
    [found] = [f for f in doctor.examine() if "creation" in f.sentence]
    assert doctor.mend(found) == ""
    making.assert_nothing_left()
    assert_healthy()


@pytest.mark.parametrize("delay", [0.0, 0.01, 0.05])
def test_a_swap_during_which_the_server_dies_is_whole_or_undone(
    finished: RunOf,
    tenant: Tenant,
    snapshot: Snapshot,
    mariadb: MariaDb,
    monkeypatch,
    delay: float,
):
    swap = databases.swap
    killers: list[threading.Thread] = []

    def die(server, *names):
        if killers:  # the one that undoes it
            return swap(server, *names)
        killer = threading.Thread(
            target=lambda: (time.sleep(delay), kill_and_start_again(mariadb, 1.0))
        )
        killers.append(killer)
        killer.start()
        try:
            return swap(server, *names)
        finally:
            killer.join()

    monkeypatch.setattr(databases, "swap", die)

    job = finished("lifecycle/Restore", [tenant], "without_safety=1").jobs.get()

    assert test_restore.is_restored(tenant) is (job.state == Job.State.SUCCEEDED)
    test_restore.assert_nothing_left(tenant)
    assert_healthy()


def killing(pump, mariadb: MariaDb):
    """Return what pumps a dump, which finds that its server has died."""

    def cut_off(*args):
        kill_and_start_again(mariadb, 0)
        yield from pump(*args)

    return cut_off


def test_a_snapshot_during_which_the_server_dies_leaves_nothing(
    finished: RunOf, tenant: Tenant, mariadb: MariaDb, monkeypatch
):
    monkeypatch.setattr(dump, "_pump", killing(dump._pump, mariadb))

    job = finished("lifecycle/Snapshot", [tenant]).jobs.get()

    assert job.state == Job.State.FAILED
    assert "is not dumped: " in job.error
    assert not Snapshot.objects.exists()
    assert_healthy()


def test_a_renaming_during_which_the_server_dies_is_undone(
    finished: RunOf,
    known: Tenant,
    mariadb: MariaDb,
    monkeypatch,
):
    replace = rename.replace

    def die(*args):
        monkeypatch.setattr(rename, "replace", replace)  # for the undo
        replace(*args)
        mariadb.stop()
        try:
            return replace(*args)
        finally:
            mariadb.start()

    monkeypatch.setattr(rename, "replace", die)

    wanted = f"wwwroot={test_rename.NEW}&redirect=1"
    job = finished("lifecycle/Rename", [known], wanted).jobs.get()

    assert job.state == Job.State.FAILED
    assert job.error.startswith("replace it in the texts: ")
    assert not test_rename.is_renamed(known)
    assert_healthy()


@pytest.mark.parametrize("which", ["source", "target"])
def test_a_move_during_which_a_server_dies_is_undone(
    finished: RunOf,
    site: Tenant,
    mariadb: MariaDb,
    second_mariadb: MariaDb,
    monkeypatch,
    settings,
    which: str,
):
    if which == "source":
        monkeypatch.setattr(dump, "_pump", killing(dump._pump, mariadb))
    else:
        monkeypatch.setattr(dump, "load", failing_load(second_mariadb))
    target = test_move.there(settings)

    wanted = f"to_server=db2&data_path={target}"
    job = finished("lifecycle/Move", [site], wanted).jobs.get()

    assert job.state == Job.State.FAILED
    assert job.error.startswith("copy the database: ")
    assert not test_move.is_moved(site, target)
    assert_healthy()


def test_an_end_during_which_the_server_dies_is_given_again(
    finished: RunOf,
    owner: Tenant,
    mariadb: MariaDb,
    monkeypatch,
):
    drop = databases.drop_account

    def die(*args):
        mariadb.stop()
        drop(*args)

    monkeypatch.setattr(databases, "drop_account", die)
    words = ("lifecycle/Destroy", [owner], "now=1&without_snapshot=1")
    try:
        job = finished(*words).jobs.get()
    finally:
        mariadb.start()
    monkeypatch.undo()

    assert job.state == Job.State.FAILED
    assert job.error.startswith("database server db1: ")
    assert Tenant.objects.filter(pk=owner.pk).exists()
    assert finished(*words).jobs.get().state == Job.State.SUCCEEDED
    assert not databases.has_account(owner.server, owner.db_user)
    assert not Tenant.objects.filter(pk=owner.pk).exists()
