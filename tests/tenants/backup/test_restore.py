"""A restore goes through whole, or leaves the site as it was."""

from pathlib import Path

import pytest

from tenants import files, moodledb
from tenants.backup import content, restore, snapshots
from tenants.lifecycle import databases
from tenants.lifecycle.steps import LifecycleError
from tenants.models import Journal, Snapshot, Tenant
from tests.failing import failing
from tests.steps import end

PAGE = "<p>closed {owner}"
BEFORE, AFTER = "lang/before", "lang/after"


@pytest.fixture
def snapshot(tenant: Tenant) -> Snapshot:
    """Return a snapshot; the site has another config row and another file since."""
    Path(tenant.data_path, "lang").mkdir()
    Path(tenant.data_path, BEFORE).touch()
    made = end(snapshots.take(tenant))
    sql = f"INSERT INTO {moodledb.table(tenant, 'config')} (name, value)"
    moodledb.execute(tenant.server, f"{sql} VALUES ('since', '1')")
    Path(tenant.data_path, AFTER).touch()
    return made


def is_restored(tenant: Tenant) -> bool:
    """Whether the site is as the snapshot has it; fail if it is half so."""
    signs = {
        "since" not in moodledb.config_of(tenant, ["since"]),
        not Path(tenant.data_path, AFTER).exists(),
    }
    assert Path(tenant.data_path, BEFORE).exists()
    assert len(signs) == 1, "database and files are of different times"
    return signs.pop()


def assert_nothing_left(tenant: Tenant) -> None:
    assert databases.marked(tenant.server, "vmoodle") == {}
    beside = Path(tenant.data_path).parent.iterdir()
    assert [path.name for path in beside if tenant.shortname in path.name] == [
        tenant.shortname
    ]
    assert not files.in_maintenance(tenant)
    assert not Journal.objects.exists()


def test_a_site_is_put_back(tenant: Tenant, snapshot: Snapshot):
    end(restore.restore(tenant, snapshot, page=PAGE))

    assert is_restored(tenant)
    assert_nothing_left(tenant)


def test_the_database_alone_is_put_back(tenant: Tenant, snapshot: Snapshot):
    end(restore.restore(tenant, snapshot, page=PAGE, files=False))

    assert "since" not in moodledb.config_of(tenant, ["since"])
    assert Path(tenant.data_path, AFTER).exists()
    assert_nothing_left(tenant)


def test_who_was_logged_in_at_the_snapshot_is_not_in_again(tenant: Tenant):
    sessions = moodledb.table(tenant, "sessions")
    moodledb.execute(tenant.server, f"INSERT INTO {sessions} (sid) VALUES ('x')")
    made = end(snapshots.take(tenant))
    moodledb.execute(tenant.server, f"DELETE FROM {sessions}")  # which logs out

    end(restore.restore(tenant, made, page=PAGE, files=False))

    assert moodledb.query(tenant.server, f"SELECT sid FROM {sessions}") == []


def test_a_site_that_was_closed_stays_closed(tenant: Tenant, snapshot: Snapshot):
    files.enter_maintenance(tenant, "an operator's")

    end(restore.restore(tenant, snapshot, page=PAGE))

    assert is_restored(tenant)
    assert files.maintenance_page(tenant) == "an operator's"


STEPS = [
    "load the snapshot",
    "lay out the data files",
    "close the site",
    "wait for cron",
    "swap the data files",
    "swap the database",
    "purge the caches",
    "open the site",
]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("when", ["before", "behind"])
def test_a_failing_step_is_named_and_all_is_undone(
    tenant: Tenant, snapshot: Snapshot, monkeypatch, step: str, when: str
):
    steps = restore.Restoration.steps
    monkeypatch.setattr(restore.Restoration, "steps", failing(steps, step, when))

    with pytest.raises(LifecycleError, match=f"^{step}: the test wants it so$"):
        end(restore.restore(tenant, snapshot, page=PAGE))

    assert not is_restored(tenant)
    assert_nothing_left(tenant)


def test_all_steps_are_tried(tenant: Tenant, snapshot: Snapshot):
    seen = end_with_lines(restore.restore(tenant, snapshot, page=PAGE))

    assert [line[3:] for line in seen if line and line.startswith("== ")] == STEPS


def test_nobody_sees_a_site_that_is_half_put_back(tenant: Tenant, snapshot: Snapshot):
    closed = {
        line[3:]: files.in_maintenance(tenant)
        for line in restore.restore(tenant, snapshot, page=PAGE)
        if line and line.startswith("== ")
    }

    begun = STEPS.index("close the site") + 1
    assert [closed[step] for step in STEPS] == [n >= begun for n in range(len(STEPS))]


def end_with_lines(generator) -> list:
    return list(generator)


def test_a_site_that_does_not_start_goes_back(tenant: Tenant, snapshot: Snapshot):
    script = Path(tenant.release.path, "admin/cli/purge_caches.php")
    script.write_text("<?php exit(3);")

    with pytest.raises(LifecycleError, match="^purge the caches: .* exit code 3"):
        end(restore.restore(tenant, snapshot, page=PAGE))

    assert not is_restored(tenant)
    assert_nothing_left(tenant)


def test_where_databases_bear_no_marks_it_is_undone_as_well(
    tenant: Tenant, snapshot: Snapshot, monkeypatch
):
    monkeypatch.setattr(databases, "is_mariadb", lambda server: False)
    monkeypatch.setattr(databases, "mark_of", lambda server, name: "")  # as on MySQL
    steps = failing(restore.Restoration.steps, "purge the caches")
    monkeypatch.setattr(restore.Restoration, "steps", steps)

    with pytest.raises(LifecycleError, match="^purge the caches: the test wants it so"):
        end(restore.restore(tenant, snapshot, page=PAGE))

    assert not is_restored(tenant)
    monkeypatch.undo()
    assert_nothing_left(tenant)


def test_a_damaged_snapshot_never_reaches_the_site(tenant: Tenant, snapshot: Snapshot):
    part = next((snapshot.path / "database").iterdir())
    part.write_bytes(b"x")

    with pytest.raises(LifecycleError, match=f"{part.name} is damaged: its checksum"):
        end(restore.restore(tenant, snapshot, page=PAGE))

    assert not is_restored(tenant)
    assert_nothing_left(tenant)


def test_a_snapshot_of_a_newer_moodle_is_refused(tenant: Tenant, snapshot: Snapshot):
    snapshot.version = "2999010100"

    with pytest.raises(LifecycleError, match="newer than the tenant's release 4.2"):
        end(restore.restore(tenant, snapshot, page=PAGE))

    assert_nothing_left(tenant)


def test_a_linked_data_path_is_refused(tenant: Tenant, snapshot: Snapshot):
    data = Path(tenant.data_path)
    data.rename(data.with_name("elsewhere"))
    data.symlink_to(data.with_name("elsewhere"))

    with pytest.raises(LifecycleError, match="is a link"):
        end(restore.restore(tenant, snapshot, page=PAGE))


def test_stopping_it_undoes_it(tenant: Tenant, snapshot: Snapshot):
    steps = restore.restore(tenant, snapshot, page=PAGE)
    for line in steps:
        if line == "== swap the database":
            break

    steps.close()

    assert not is_restored(tenant)
    assert_nothing_left(tenant)


def test_what_is_left_of_a_former_site_is_the_doctors(
    tenant: Tenant, snapshot: Snapshot, monkeypatch
):
    def refuse(*_args):
        raise LifecycleError("not now")

    monkeypatch.setattr(content, "remove", refuse)

    lines = end_with_lines(restore.restore(tenant, snapshot, page=PAGE))

    assert "Left behind: not now" in lines
    assert is_restored(tenant)
