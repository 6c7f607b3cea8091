"""What it reads and asks; tests/moodle/test_generic_copies.py proves it on a Moodle."""

import re

import pytest
from hypothesis import given, strategies

from commands import agent
from commands.base import CommandFailed
from commands.generic.copy_table import CopyTable
from tenants.models import Tenant


@pytest.fixture(autouse=True)
def tenants(rows) -> list[Tenant]:
    made = rows(2)
    Tenant.objects.filter(pk=made[0].pk).update(is_main=True)
    return made


def form_of(attributes: str) -> CopyTable:
    form = CopyTable.from_attributes(attributes)
    assert form.is_valid(), form.errors
    return form


def test_the_condition_is_read_with_its_values_apart(monkeypatch, tenants):
    asked = []
    monkeypatch.setattr(agent, "read", lambda *words: asked.append(words) or FOUND)

    form_of("table=tag&select=id>3 or name='a'").read(tenants[0])

    assert asked == [
        (
            tenants[0],
            "read_table",
            {
                "table": "tag",
                "where": "(`id` > ? OR `name` = ?)",
                "values": ["3", "a"],
                "names": ["id", "name"],
            },
        )
    ]


FOUND = {"columns": ["id", "userid", "name"], "binary": [], "rows": [["1", "2", "a"]]}


def test_nothing_at_the_source_does_not_empty_the_targets(monkeypatch, tenants):
    monkeypatch.setattr(agent, "read", lambda *words: FOUND | {"rows": []})

    with pytest.raises(CommandFailed, match="t0.example.org has no such rows in tag"):
        form_of("table=tag").read(tenants[0])
    assert form_of("table=tag&allow_empty=1").read(tenants[0])["rows"] == []


def test_columns_that_hold_ids_are_named(monkeypatch, tenants):
    form = form_of("table=tag")
    form.material = FOUND
    monkeypatch.setattr(form, "ask", lambda tenant, operation, payload: iter([payload]))

    first, payload = form.run(tenants[1])

    assert first == "ids of the source, which may mean others here: userid"
    assert payload == FOUND | {"table": "tag", "keep_ids": False}


@pytest.mark.parametrize(
    ("attributes", "field", "sentence"),
    [
        ("table=sessions", "table", "sessions belongs to what runs on one site"),
        ("table=config", "table", "config holds settings"),
        ("table=Tag", "table", "A table is lower-case letters"),
        ("table=tag;drop table x", "table", "A table is lower-case letters"),
        ("table=../tag", "table", "A table is lower-case letters"),
        ("table=", "table", "This field is required"),
        ("table=tag&select=1=1", "select", "'1' is not allowed"),
        ("table=tag&select=id=1;drop", "select", "'id=1;drop' is no condition"),
        (f"table=tag&select={'x' * 4001}", "select", "at most 4000 characters"),
    ],
    ids=range(9),
)
def test_what_is_no_table_or_condition_is_refused(attributes, field, sentence):
    form = CopyTable.from_attributes(attributes)

    assert not form.is_valid()
    assert sentence in form.errors[field][0]


@given(strategies.text(max_size=80))
def test_whatever_the_table_it_is_plain_or_refused(table: str):
    field = CopyTable.base_fields["table"]

    try:
        cleaned = field.clean(table)
    except Exception as error:
        assert type(error).__name__ == "ValidationError"
    else:
        assert re.fullmatch("[a-z][a-z0-9_]{,59}", cleaned)


def test_it_is_dangerous():
    assert CopyTable.dangerous
