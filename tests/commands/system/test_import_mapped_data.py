"""What it asks of Moodle; tests/moodle/test_system.py proves it on a real one."""

import json
from pathlib import Path
from typing import Any

import pytest

from commands.base import CommandFailed
from commands.system.import_mapped_data import ImportMappedData
from tests.commands.conftest import Manage, assert_refused
from tests.commands.system.conftest import complaints

ROW = {"id": "47", "plugin": "theme_x", "name": "colour", "value": "1"}


def export(path: Path, **table: Any) -> Path:
    """Write what phpMyAdmin exports."""
    parts = [
        {"type": "header", "version": "5.0"},
        {"type": "database", "name": "moodle"},
        {"type": "table", "name": "mdl_config_plugins", "data": [ROW], **table},
    ]
    path.write_text(json.dumps(parts))
    return path


def prepared(path: Path, more: str = "") -> dict:
    form = ImportMappedData.from_attributes(f"file={path}{more}")
    assert form.is_valid(), form.errors
    form.material = form.prepare([])
    return form.payload(None)


def test_the_file_tells_keys_and_values(tmp_path: Path):
    path = export(tmp_path / "a.json", keyfields="plugin, name", values="value")

    assert prepared(path) == {
        "table": "mdl_config_plugins",
        "rows": [ROW],
        "keyfields": ["plugin", "name"],
        "values": ["value"],
        "dryrun": False,
    }


def test_parameters_win_over_the_file(tmp_path: Path):
    path = export(tmp_path / "a.json", keyfields="id", values="id")

    payload = prepared(path, "&keyfields=plugin,name&values=value&dryrun=1")

    assert payload["keyfields"] == ["plugin", "name"]
    assert (payload["values"], payload["dryrun"]) == (["value"], True)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is no export of one table"),
        ("{}", "is no export of one table"),
        ("[1]", "is no export of one table"),
        ('[{"type": "table", "name": "x", "data": []}]', "has no rows"),
        ('[{"type": "table", "name": "x", "data": [{"a": 1}]}]', "rows without an id"),
        ('[{"type": "table", "name": "x", "data": [{"id": 1}]}]', "give keyfields"),
    ],
)
def test_what_is_no_export_is_refused(tmp_path: Path, text: str, sentence: str):
    path = tmp_path / "a.json"
    path.write_text(text)

    with pytest.raises(CommandFailed, match=sentence):
        prepared(path)


@pytest.mark.parametrize("fields", ["a b", "a,,b", "a;b", "A"])
def test_columns_are_names(fields: str):
    [complaint] = complaints(ImportMappedData, f"file=/x&keyfields={fields}")

    assert complaint.startswith("keyfields: ")


@pytest.mark.parametrize("name", ["import_mapped_data", "bulkimportmappeddata"])
def test_a_file_that_is_not_there_starts_nothing(manage: Manage, bare, workers, name):
    host = [f"--host={bare.wwwroot}"] if name == "import_mapped_data" else ["--yes"]

    assert_refused(manage(name, *host, "--file=/nowhere"), "/nowhere cannot be read")
