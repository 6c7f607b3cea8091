"""A move goes through whole, or leaves the site where it was."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from commands.lifecycle.move import Move
from commands.models import Job
from tenants import activity, files, moodledb
from tenants.lifecycle import databases, doctor, move
from tenants.lifecycle.steps import LifecycleError
from tenants.models import DatabaseServer, Journal, Tenant
from tests.commands.conftest import Manage
from tests.commands.system.conftest import complaints, job_of
from tests.conftest import RunOf
from tests.failing import failing
from tests.steps import end
from tests.tenants.making import POOL

STEPS = [
    "copy the data files",
    "make the database",
    "make the account",
    "copy the database",
    "close the site",
    "wait for cron",
    "copy what is new in them",
    "copy what is new in the database",
    "switch over",
    "purge the caches",
]


TAKE_BACK = move.steps.take_back


def there(settings) -> Path:
    return settings.VMOODLE_DATA_ROOT / "elsewhere"


def is_moved(tenant: Tenant, target: Path) -> bool:
    """Whether it is; fail if it is half so, or anything is left of the other half."""
    tenant = Tenant.objects.with_edges().get(pk=tenant.pk)
    moved = tenant.server.name == "db2"
    data, other = Path(tenant.data_path), target.with_name("one")
    assert (data == target) == moved
    assert (data / POOL).is_file() and (data / "lang/fr/x.php").is_file()
    assert not (other if moved else target).exists()
    assert not files.in_maintenance(tenant)
    assert "version" in moodledb.config_of(tenant, ["version"])
    assert not Journal.objects.exists()
    for server in DatabaseServer.objects.all():
        at_home = server == tenant.server
        assert databases.has_account(server, tenant.db_user) == at_home
        assert at_home or moved or not databases.exists(server, tenant.db_name)
    return moved


def test_a_site_moves_with_all_that_is_its_own(finished: RunOf, site: Tenant, settings):
    target = there(settings)

    job = job_of(
        finished("lifecycle/Move", [site], f"to_server=db2&data_path={target}")
    )

    assert job.state == Job.State.SUCCEEDED, job.error
    assert 0 < job.result.pop("seconds_down") < job.seconds
    assert job.result == {"server": "db2", "data_path": str(target)}
    assert is_moved(site, target)
    assert not (target / "muc").exists()  # made again
    # What it had before is there until the doctor removes it.
    found = sorted(finding.sentence for finding in doctor.examine())
    assert len(found) == 2, found
    assert "one.old-" in found[0] and f"the database {site.db_name} belongs" in found[1]
    assert [doctor.mend(finding) for finding in doctor.examine()] == ["", ""]
    assert not databases.exists(site.server, site.db_name)
    # What it has now is nobody's to remove, even if the registry forgets it.
    Tenant.objects.get().delete()
    assert list(doctor.examine()) == []


@pytest.mark.parametrize("step", STEPS)
def test_a_failing_step_is_named_and_all_is_undone(
    site: Tenant, second_server, settings, monkeypatch, step: str
):
    steps = move.Moving.steps
    monkeypatch.setattr(move.Moving, "steps", failing(steps, step))

    with pytest.raises(LifecycleError, match=f"^{step}: the test wants it so$"):
        end(move.move(site, second_server, str(there(settings)), page="<p>{owner}"))

    assert not is_moved(site, there(settings))


def test_only_its_files_move(manage: Manage, site: Tenant, settings, workers):
    target = there(settings)
    files.enter_maintenance(site, "an operator's")

    words = [f"--host={site.wwwroot}", f"--data-path={target}"]
    said = manage("movenode", *words)

    assert said.code == 0, said
    moved = Tenant.objects.with_edges().get()
    assert (moved.data_path, moved.server.name) == (str(target), "db1")
    assert files.maintenance_page(moved) == "an operator's"
    assert "it is there already" in str(manage("movenode", *words))


def test_it_is_open_while_cron_is_at_work(site: Tenant, settings, monkeypatch):
    closed: list[bool] = []

    def runners(tenant: Tenant) -> int:
        closed.append(files.in_maintenance(tenant))
        return 1 if len(closed) == 1 else 0

    monkeypatch.setattr(activity, "cron_runners", runners)
    monkeypatch.setattr(move.time, "sleep", lambda _seconds: None)

    end(move.move(site, site.server, str(there(settings)), page="<p>{owner}"))

    assert closed == [False, False, True]


@pytest.mark.parametrize("killed", [False, True])
def test_a_target_that_dies_behind_the_switch_keeps_no_site_closed(
    site: Tenant, second_server, settings, monkeypatch, killed: bool
):
    settings.VMOODLE_DATABASE_WAIT, former = 0, site.data_path
    away, reach = moodledb.MoodleDbError("db2 is away"), moodledb.query

    def die(moving):
        query = partial(query_unless, second_server)
        monkeypatch.setattr(moodledb, "query", query)
        monkeypatch.setattr(databases, "query", query)
        raise away
        yield

    def query_unless(dead, server, *words):
        if server == dead:
            raise away
        return reach(server, *words)

    monkeypatch.setattr(move.Moving, "purge", die)
    monkeypatch.setattr(moodledb.Connection, "is_good", lambda _connection: False)
    if killed:
        monkeypatch.setattr(move.steps, "take_back", lambda *_args: "")
    with pytest.raises(LifecycleError, match="purge the caches: db2 is away"):
        end(move.move(site, second_server, str(there(settings)), page="<p>{owner}"))
    if killed:
        monkeypatch.setattr(move.steps, "take_back", TAKE_BACK)
        move.recover(Tenant.objects.with_edges().get())

    left = Tenant.objects.with_edges().get()
    assert (left.server.name, left.data_path) == ("db1", former)
    assert not files.in_maintenance(left)
    assert "make the database: db2 is away): run manage.py doctor" in left.attention
    monkeypatch.undo()
    assert [doctor.mend(one) for one in doctor.examine()] == [""]
    assert not is_moved(site, there(settings))


def test_a_lost_file_stops_it(site: Tenant, settings, monkeypatch):
    monkeypatch.setattr(move.content, "copy_pool", lambda *_a, **_k: None)

    with pytest.raises(LifecycleError, match="1 data files are not copied: da39"):
        end(move.move(site, site.server, str(there(settings)), page="<p>{owner}"))

    assert not is_moved(site, there(settings))


def test_a_table_that_differs_stops_it(
    site: Tenant, second_server, settings, monkeypatch
):
    load = move.dump.load

    def spoil(server, name, *rest):
        yield from load(server, name, *rest)
        sql = f"UPDATE `{name}`.mdl_course SET fullname = 'other'"
        moodledb.execute(server, sql)

    monkeypatch.setattr(move.dump, "load", spoil)

    with pytest.raises(
        LifecycleError, match="1 tables are not the same on db2 .mdl_course"
    ):
        end(move.move(site, second_server, site.data_path, page="<p>{owner}"))

    assert not is_moved(site, there(settings))


def changing(site: Tenant) -> Iterator[None]:
    """Change the site as its users do until it is closed."""
    for sql in (
        "UPDATE {}.mdl_course SET fullname = 'of today'",
        "CREATE TABLE {}.mdl_fresh (id bigint PRIMARY KEY)",
        "DROP TABLE {}.mdl_sessions",
    ):
        moodledb.execute(site.server, sql.format(f"`{site.db_name}`"))
    yield None


def test_what_is_new_in_the_database_follows(
    finished: RunOf, site: Tenant, second_server, monkeypatch
):
    close = move.Moving.close
    dumped: list[object] = []

    def late(moving):
        yield from changing(site)
        yield from close(moving)

    def watched(server, name, directory, only=None):
        dumped.append(only)
        return (yield from real(server, name, directory, only))

    real = move.dump.dump
    monkeypatch.setattr(move.Moving, "close", late)
    monkeypatch.setattr(move.dump, "dump", watched)

    job = job_of(finished("lifecycle/Move", [site], "to_server=db2"))

    assert job.state == Job.State.SUCCEEDED, job.error
    assert dumped == [None, {"mdl_course", "mdl_fresh"}]
    sql = f"SELECT fullname FROM `{site.db_name}`.mdl_course"
    assert moodledb.query(second_server, sql) == [("of today",)]
    there = databases.table_sizes(second_server, site.db_name)
    assert "mdl_fresh" in there and "mdl_sessions" not in there


def test_who_writes_to_a_closed_site_stops_it(site: Tenant, second_server, monkeypatch):
    digests = move.dump.digests

    def late(server, name):
        found = yield from digests(server, name)
        if server == site.server:
            yield from changing(site)
        return found

    monkeypatch.setattr(move.dump, "digests", late)
    sql = f"UPDATE `{site.db_name}`.mdl_course SET fullname = 'other'"
    copy = move.Moving.copy_database

    def then_change(moving):
        yield from copy(moving)
        moodledb.execute(site.server, sql)

    monkeypatch.setattr(move.Moving, "copy_database", then_change)

    with pytest.raises(LifecycleError, match="not the same on db2 .mdl_course"):
        end(move.move(site, second_server, site.data_path, page="<p>{owner}"))

    tenant = Tenant.objects.get()
    assert tenant.server == site.server


def test_a_place_that_is_taken_is_refused(site: Tenant, second_server, settings):
    databases.create(second_server, site.db_name, "other")
    with pytest.raises(LifecycleError, match="db2 has a database .* already"):
        end(move.move(site, second_server, site.data_path, page=""))

    (there(settings) / "x").mkdir(parents=True)
    for path, said in (
        (there(settings), "is not empty"),
        (Path(site.data_path) / "below", "one within the other"),
        (Path(site.release.path) / "data", "overlaps the code tree"),
    ):
        with pytest.raises(LifecycleError, match=said):
            end(move.move(site, site.server, str(path), page=""))


def test_one_that_is_half_done_is_not_moved(finished: RunOf, site: Tenant):
    Journal.objects.create(tenant=site, work="rename", text="{}")

    job = job_of(finished("lifecycle/Move", [site], "to_server=db2"))

    assert job.error == "its rename was cut off: run manage.py doctor --fix"


def test_files_that_another_tenant_has_as_well_do_not_move(
    finished: RunOf, site: Tenant, add_tenant, settings
):
    other = add_tenant("two", install=False)
    Path(other.data_path, "filedir").symlink_to(f"{site.data_path}/filedir")

    job = job_of(finished("lifecycle/Move", [site], f"data_path={there(settings)}"))

    assert f"{site.data_path} is not its own alone: {other} has " in job.error
    assert Path(other.data_path, POOL).exists()


def test_what_would_be_left_behind_of_a_database_stops_it(
    finished: RunOf, site: Tenant, second_server
):
    view = f"`{site.db_name}`.`report`"
    moodledb.execute(site.server, f"CREATE VIEW {view} AS SELECT 1 AS one")

    job = job_of(finished("lifecycle/Move", [site], "to_server=db2"))

    assert "its database has more than tables, which do not move: report" in job.error
    assert not databases.exists(second_server, site.db_name)


def test_one_cancelled_at_its_end_has_put_the_former_place_aside(
    site: Tenant, second_server, settings
):
    moving = move.move(site, second_server, str(there(settings)), page="<p>{owner}")
    while "The site is open" not in (next(moving) or ""):
        pass

    moving.close()

    assert is_moved(site, there(settings))
    assert len(list(doctor.examine())) == 2


@pytest.mark.parametrize(
    ("attributes", "sentence"),
    [
        ("", "Say where to"),
        ("to_server=none", "There is no database server none"),
        ("data_path=../x", "not a plain absolute path"),
    ],
)
def test_no_place_is_refused(db, attributes: str, sentence: str):
    [said] = complaints(Move, attributes)

    assert sentence in said


def test_a_data_path_is_for_one(run_of: RunOf, rows):
    run = run_of("lifecycle/Move", rows(2), "data_path=/srv/x")

    assert {"one by one" in job.error for job in run.jobs.all()} == {True}


def test_one_killed_at_its_end_is_opened(site: Tenant):
    files.enter_maintenance(site, "<p>vmoodle-0123456789abcdef.")

    assert move.recover(site) == ""

    assert not files.in_maintenance(site)
