"""Snapshots of a sandbox site, on real MariaDB and real files."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from tenants import moodledb
from tenants.backup import dump, manifest, snapshots
from tenants.backup.dump import DumpError
from tenants.backup.manifest import SnapshotError
from tenants.files import FilesError
from tenants.lifecycle import databases
from tenants.models import Snapshot, Tenant
from tests.steps import end


@pytest.fixture
def site(tenant: Tenant) -> Tenant:
    """Return a tenant with a stored file and a language pack."""
    stored = Path(
        tenant.data_path, "filedir/da/39/da39a3ee5e6b4b0d3255bfef95601890afd80709"
    )
    stored.parent.mkdir(parents=True)
    stored.touch()
    pack = Path(tenant.data_path, "lang/fr/moodle.php")
    pack.parent.mkdir(parents=True)
    pack.write_text("<?php")
    return tenant


def directories() -> list[str]:
    return sorted(path.name for path in snapshots_dir().iterdir())


def snapshots_dir() -> Path:
    return Path(snapshots.settings.VMOODLE_SNAPSHOT_DIR)


def scratch_databases(tenant: Tenant) -> dict[str, str]:
    return databases.marked(tenant.server, "vmoodle")


def test_a_snapshot_tells_what_it_holds(site: Tenant):
    made = end(snapshots.take(site, note="before"))

    found = manifest.read(made.path)
    assert directories() == [made.name]
    assert (made.wwwroot, made.note, made.reason) == (site.wwwroot, "before", "asked")
    assert made.version == "2023042400"
    assert made.tables == len(found["database"]["tables"]) > 5
    assert found["database"]["tables"]["mdl_config"]["rows"] == made_rows(site)
    assert found["files"]["others"].keys() == {"lang/fr/moodle.php"}
    assert (made.file_count, made.file_bytes) == (2, 0)
    assert found["site"]["allversionshash"] == site.release.versions_hash
    assert site.db_password not in json.dumps(found)


def test_two_that_are_the_first_ones_make_their_directory(site: Tenant, monkeypatch):
    is_dir = Path.is_dir

    def make_it_when_looked_at(path: Path) -> bool:
        monkeypatch.undo()
        there = is_dir(path)
        path.mkdir()  # by the other one
        return there

    monkeypatch.setattr(Path, "is_dir", make_it_when_looked_at)

    snapshots._make(snapshots_dir() / "new")

    assert directories() == ["new"]


def made_rows(site: Tenant) -> int:
    sql = f"SELECT COUNT(*) FROM {moodledb.table(site, 'config')}"
    return moodledb.query(site.server, sql)[0][0]


def test_a_snapshot_is_proved_by_restoring_it(site: Tenant):
    made = end(snapshots.take(site))
    moodledb.forget_config(site, "siteidentifier")

    end(snapshots.prove(made, site.server))

    made.refresh_from_db()
    assert made.verified_at
    assert scratch_databases(site) == {}


def test_a_snapshot_that_restores_otherwise_is_not_verified(site: Tenant):
    made = end(snapshots.take(site))
    path = made.path / manifest.NAME
    told = json.loads(path.read_text())
    told["database"]["tables"]["mdl_user"]["rows"] += 1
    path.write_text(json.dumps(told))

    with pytest.raises(SnapshotError, match="1 tables .* not restored .*: mdl_user"):
        end(snapshots.prove(made, site.server))

    made.refresh_from_db()
    assert made.verified_at is None
    assert scratch_databases(site) == {}


@pytest.mark.parametrize("what", ["changed", "missing"])
def test_a_damaged_dump_is_told_of(site: Tenant, what: str):
    made = end(snapshots.take(site))
    part = next((made.path / "database").iterdir())
    if what == "changed":
        whole = part.read_bytes()
        part.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))  # never what it was
    else:
        part.unlink()

    with pytest.raises(SnapshotError, match=part.name):
        snapshots.check(made)


def test_a_damaged_file_is_told_of(site: Tenant):
    made = end(snapshots.take(site))
    (made.path / "files/lang/fr/moodle.php").write_text("<?php exit;")

    with pytest.raises(SnapshotError, match="1 data files .*: lang/fr/moodle.php"):
        end(snapshots.prove(made, site.server))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("", "it is no JSON"), ("{}", "of a format"), (None, "no such file")],
)
def test_a_manifest_that_cannot_be_read_is_told_of(
    site: Tenant, text: str | None, sentence: str
):
    made = end(snapshots.take(site))
    path = made.path / manifest.NAME
    path.write_text(text) if text is not None else path.unlink()

    with pytest.raises(SnapshotError, match=sentence):
        snapshots.check(made)


def test_a_failure_leaves_nothing(site: Tenant, monkeypatch):
    def fail(*_args):
        yield None
        raise DumpError("the server went away")

    monkeypatch.setattr(dump, "dump", fail)

    with pytest.raises(DumpError):
        end(snapshots.take(site))

    assert directories() == []
    assert not Snapshot.objects.exists()


def test_a_full_disk_leaves_nothing(site: Tenant, small_disk: Path, settings):
    settings.VMOODLE_SNAPSHOT_DIR = small_disk
    big = Path(site.data_path, "lang/big")
    big.write_bytes(b"x" * 3_000_000)

    with pytest.raises(FilesError, match="No space left on device"):
        end(snapshots.take(site))

    assert directories() == []


def test_stopping_it_leaves_nothing(site: Tenant, monkeypatch):
    monkeypatch.setattr(dump, "TICK", 0.0)
    steps = snapshots.take(site)
    next(steps)
    assert len(directories()) == 1

    steps.close()

    assert directories() == []


def test_what_a_dead_worker_left_is_removed(site: Tenant):
    made = end(snapshots.take(site))
    for name in ("one-20260101-000000-abcd", "one-two-20260101-000000-abcd"):
        (snapshots_dir() / f".new-{name}" / "files").mkdir(parents=True)

    snapshots.forget_begun(site)

    assert directories() == [".new-one-two-20260101-000000-abcd", made.name]


def row(tenant: Tenant, days: float, **fields) -> Snapshot:
    then = timezone.now() - timedelta(days=days)
    name = f"s{days}".replace(".", "-")
    return Snapshot.objects.create(
        tenant=tenant, name=name, created_at=then, reason="asked", **fields
    )


def test_old_and_too_many_snapshots_go(tenant: Tenant, settings):
    settings.VMOODLE_SNAPSHOT_KEEP, settings.VMOODLE_SNAPSHOT_DAYS = 3, 30
    for days in (1, 2, 3, 4, 40):
        row(tenant, days)

    gone = snapshots.expired(Snapshot.objects.all())

    assert [one.name for one in gone] == ["s4", "s40"]


def test_templates_and_the_newest_and_what_is_to_be_kept_stay(tenant: Tenant, settings):
    settings.VMOODLE_SNAPSHOT_KEEP, settings.VMOODLE_SNAPSHOT_DAYS = 1, 30
    later = timezone.now() + timedelta(days=1)
    row(tenant, 40)
    row(tenant, 50, is_template=True)
    row(tenant, 60, keep_until=later)
    row(tenant, 70, keep_until=timezone.now() - timedelta(days=1))

    gone = snapshots.expired(Snapshot.objects.all())

    assert [one.name for one in gone] == ["s70"]


def test_taking_one_lets_the_old_go(site: Tenant, settings):
    settings.VMOODLE_SNAPSHOT_KEEP = 2
    made = [end(snapshots.take(site)) for _round in range(3)]

    assert directories() == sorted(one.name for one in made[1:])
    assert set(Snapshot.objects.all()) == set(made[1:])
