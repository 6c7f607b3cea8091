"""Dumps, by MariaDB's own programs, of a real database."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tenants import moodledb
from tenants.backup import dump
from tenants.backup.dump import DumpError
from tenants.lifecycle import databases
from tenants.models import DatabaseServer, Tenant
from tests.steps import end


@pytest.fixture
def scratch(server: DatabaseServer):
    name = f"scratch_{os.getpid()}"
    databases.create(server, name, "a test")
    yield name
    databases.drop(server, name, "a test")


def rows(tenant: Tenant, database: str = "") -> list:
    table = moodledb.table(tenant, "config")
    table = table.replace(tenant.db_name, database or tenant.db_name)
    return moodledb.query(tenant.server, f"SELECT * FROM {table} ORDER BY id")


def test_what_was_dumped_is_loaded(
    tenant: Tenant, scratch: str, tmp_path: Path, monkeypatch
):
    monkeypatch.setattr(dump, "LATE", 0)  # all keys are made behind the rows
    text = "'\"\\ \n(1,'x'),\n\0 é \N{PILE OF POO} /*! ; */ -- "
    sql = f"INSERT INTO {moodledb.table(tenant, 'config')} (name, value)"
    moodledb.execute(tenant.server, f"{sql} VALUES ('odd', %s)", [text])

    made = end(dump.dump(tenant.server, tenant.db_name, tmp_path))
    files = [part["file"] for part in made["parts"]]
    end(dump.load(tenant.server, scratch, tmp_path, files))

    assert rows(tenant, scratch) == rows(tenant)
    assert made["tables"]["mdl_config"]["rows"] == len(rows(tenant))
    assert end(dump.digests(tenant.server, scratch))["tables"] == made["tables"]
    assert {path.stat().st_mode & 0o777 for path in tmp_path.glob("*.sql*")} == {0o600}
    text = subprocess.check_output(["zstd", "-dc", *map(str, tmp_path.glob("*.zst"))])
    assert b"\nALTER TABLE `mdl_config` ADD UNIQUE KEY " in text
    assert b"UNIQUE_CHECKS=0" not in text


def test_a_change_shows_in_the_digest_of_its_table(tenant: Tenant, tmp_path: Path):
    before = end(dump.dump(tenant.server, tenant.db_name, tmp_path))["tables"]
    moodledb.forget_config(tenant, "siteidentifier")

    after = end(dump.digests(tenant.server, tenant.db_name))["tables"]

    assert [name for name in before if before[name] != after[name]] == ["mdl_config"]


@pytest.fixture
def started(monkeypatch) -> list[str]:
    """Return a list that gets the command line of each program."""
    seen: list[str] = []
    start = dump.subprocess.Popen

    def note(argv, **given):
        seen.append(" ".join(map(str, argv)))
        return start(argv, **given)

    monkeypatch.setattr(dump.subprocess, "Popen", note)
    return seen


def test_two_programs_read_and_no_password_stands_in_an_argument_list(
    tenant: Tenant, tmp_path: Path, started: list[str]
):
    end(dump.dump(tenant.server, tenant.db_name, tmp_path))

    assert len([line for line in started if "mariadb-dump" in line]) == 2
    assert tenant.server.admin_password not in " ".join(started)


def test_one_program_reads_while_a_transaction_is_open(
    tenant: Tenant, tmp_path: Path, started: list[str], monkeypatch
):
    monkeypatch.setattr(databases, "STILL_SECONDS", 1)
    table = moodledb.table(tenant, "config")
    before = end(dump.digests(tenant.server, tenant.db_name))["tables"]
    started.clear()

    with moodledb.connected(tenant.server) as run:
        run("START TRANSACTION")
        run(f"DELETE FROM {table}")
        made = end(dump.dump(tenant.server, tenant.db_name, tmp_path))

    assert len([line for line in started if "mariadb-dump" in line]) == 1
    assert made["tables"] == before


def test_gzip_does_where_there_is_no_zstd(
    tenant: Tenant, scratch: str, tmp_path: Path, monkeypatch
):
    monkeypatch.setattr(dump.shutil, "which", lambda name: None)

    made = end(dump.dump(tenant.server, tenant.db_name, tmp_path))
    end(dump.load(tenant.server, scratch, tmp_path, [p["file"] for p in made["parts"]]))

    assert {path.suffix for path in tmp_path.glob("*.sql*")} == {".gz"}
    assert rows(tenant, scratch) == rows(tenant)


def test_a_database_without_tables_is_refused(
    server: DatabaseServer, scratch: str, tmp_path: Path
):
    with pytest.raises(DumpError, match=f"{scratch} has no tables"):
        end(dump.dump(server, scratch, tmp_path))


def test_a_damaged_part_is_told_of(tenant: Tenant, scratch: str, tmp_path: Path):
    made = end(dump.dump(tenant.server, tenant.db_name, tmp_path))
    part = tmp_path / made["parts"][0]["file"]
    part.write_bytes(part.read_bytes()[:-20])

    with pytest.raises(
        DumpError, match=f"{scratch} could not be loaded: .*{part.name} : "
    ):
        end(dump.load(tenant.server, scratch, tmp_path, [part.name]))


def test_a_wrong_login_is_told_of(tenant: Tenant, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(dump, "_quoted", lambda text: '"wrong"')

    with pytest.raises(DumpError, match=r"is not dumped: mariadb-dump: .*wrong"):
        end(dump.dump(tenant.server, tenant.db_name, tmp_path))


def test_a_full_disk_is_told_of(tenant: Tenant, small_disk: Path):
    sql = f"INSERT INTO {moodledb.table(tenant, 'config')} (name, value)"
    noise = os.urandom(4_000_000).hex()
    moodledb.execute(tenant.server, f"{sql} VALUES ('noise', %s)", [noise])

    with pytest.raises(DumpError, match="No space left on device"):
        end(dump.dump(tenant.server, tenant.db_name, small_disk))


def test_closing_a_dump_leaves_no_program_behind(tenant: Tenant, tmp_path: Path):
    name = "TEMPORARY_NAME_OF_A_TEST"
    sql = f"INSERT INTO {moodledb.table(tenant, 'config')} (name, value)"
    for number in range(30):
        values = [f"{name}{number}", os.urandom(1_000_000).hex()]
        moodledb.execute(tenant.server, f"{sql} VALUES (%s, %s)", values)
    steps = dump.dump(tenant.server, tenant.db_name, tmp_path)
    dump_tick, dump.TICK = dump.TICK, 0.0
    try:
        next(steps)
    finally:
        dump.TICK = dump_tick
    assert programs(tenant.db_name)

    steps.close()

    assert programs(tenant.db_name) == []


def programs(word: str) -> list[str]:
    """Return the command lines of running programs that hold a word."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_text().replace("\0", " ")
        except OSError:
            continue
        if re.search(rf"\b{word}\b", line):
            found.append(line)
    return found
