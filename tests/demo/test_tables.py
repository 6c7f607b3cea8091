"""The sandbox's tables as a whole: their rows, texts, collations and formats."""

import json
from pathlib import Path

import pytest

from tests.conftest import RunOf
from tests.demo.site import DONE, Pair, Told, change, read

pytestmark = pytest.mark.django_db


def test_rows_are_imported_by_their_keys(pair: Pair, told: Told, tmp_path: Path):
    _one, two = pair
    names = [("1", "version", "7"), ("2", "own", "8")]
    data = [
        {"id": pk, "plugin": "mod_quiz", "name": name, "value": value}
        for pk, name, value in names
    ]
    table = {"type": "table", "name": "mdl_config_plugins", "data": data}
    (tmp_path / "rows.json").write_text(json.dumps([table]))
    rows = "SELECT name, value FROM {config_plugins} WHERE plugin = 'mod_quiz'"
    before = read(two, rows)
    given = f"file={tmp_path}/rows.json&keyfields=plugin,name"

    assert told("system/ImportMappedData", f"{given}&dryrun=1") == [DONE, DONE]
    assert read(two, rows) == before
    assert told("system/ImportMappedData", given) == [DONE, DONE]
    assert sorted(read(two, rows)) == [("own", "8"), ("version", "7")]


def test_a_text_is_replaced_in_all_texts(pair: Pair, told: Told):
    for tenant in pair:
        change(tenant, "UPDATE {course} SET summary = 'an old Old text'")
        change(tenant, "UPDATE {user} SET description = 'old', city = 'old'")
        change(tenant, "INSERT INTO {config} (name, value) VALUES ('old', 'old')")

    given = "search=old&replace=new&skiptables=block"
    assert told("system/Replace", given) == [DONE, DONE]

    for tenant in pair:
        assert read(tenant, "SELECT summary FROM {course}") == [("an new Old text",)]
        texts = "SELECT DISTINCT description, city FROM {user}"
        assert read(tenant, texts) == [("new", "new")]
        assert read(tenant, "SELECT value FROM {config} WHERE name = 'old'") == [
            ("old",)
        ]


def test_a_collation_is_brought_everywhere(pair: Pair, told: Told, finished: RunOf):
    column = "MODIFY name varchar(255) COLLATE utf8mb4_general_ci"
    for tenant in pair:
        change(tenant, f"ALTER TABLE {{role}} {column}")

    listed = finished("system/MysqlCollation", pair, "list=1").jobs.all()
    wanted = "collation=utf8mb4_unicode_ci"
    done = finished("system/MysqlCollation", pair, wanted).jobs.all()
    unknown = told("system/MysqlCollation", "collation=utf8_nonsense")

    for job in listed:
        assert "\nutf8mb4_general_ci: 1\n" in job.text()[0]
    for job in done:
        assert job.result["summary"].startswith("Converted: 1, skipped: "), job.error
    assert all("exit code 1" in said for said in unknown)


def test_long_rows_are_compressed(pair: Pair, told: Told, finished: RunOf):
    for tenant in pair:
        statement = "SET STATEMENT innodb_strict_mode = OFF FOR ALTER TABLE {user}"
        change(tenant, f"{statement} ROW_FORMAT = COMPACT")
    rows = "system/MysqlCompressedRows"

    listed = finished(rows, pair, "list=1").jobs.all()
    fixed = finished(rows, pair, "fix=1").jobs.all()

    assert [job.result for job in listed] == [
        {"exit_code": 1, "tables": ["mdl_user"]}
    ] * 2
    assert [job.result for job in fixed] == [{"fixed": ["user"]}] * 2
    assert told(rows, "fix=1") == ["no table needs it"] * 2
    shown = (
        "SELECT row_format FROM information_schema.tables WHERE table_schema = %s"
        " AND table_name = 'mdl_user'"
    )
    assert read(pair[1], shown, pair[1].db_name) == [("Compressed",)]
