import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands import results
from commands.models import Job
from tests.commands.conftest import TABLE, Manage, assert_refused

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("result", "columns", "rows"),
    [
        (TABLE, ["id", "name"], [[1, "Ann"], [2, None]]),
        ({"columns": [], "rows": []}, [], []),
        ({"exit_code": 0, "status": "current"}, ["status"], [["current"]]),
        ({"a": {"b": [1, "é"]}}, ["a"], [['{"b": [1, "é"]}']]),
        ([{"a": 1}, {"b": 2}], ["a", "b"], [[1, None], [None, 2]]),
        ([1, "x"], ["value"], [[1], ["x"]]),
        (5, ["value"], [[5]]),
    ],
    ids=["table", "no rows", "dict", "nested", "list of dicts", "list", "number"],
)
def test_any_result_is_a_table(result, columns, rows):
    table = results.table_of(Job(result=result))

    assert (table.columns, table.rows) == (columns, rows)


@pytest.mark.parametrize("result", [None, {"exit_code": 0}, [], {}])
def test_a_result_that_says_nothing_is_no_table(result):
    assert results.table_of(Job(result=result)) is None


def test_all_tables_are_one_with_the_tenant_in_front(brought):
    other = {"columns": ["name", "city"], "rows": [["Bob", "Metz"]]}
    run = brought(TABLE, None, other)

    columns, rows = results.merged(run)

    assert columns == ["tenant", "id", "name", "city"]
    assert list(rows) == [
        ["https://t0.example.org", 1, "Ann", None],
        ["https://t0.example.org", 2, None, None],
        ["https://t2.example.org", None, "Bob", "Metz"],
    ]


def test_a_column_of_that_name_is_not_the_tenants(brought):
    run = brought({"columns": ["tenant"], "rows": [["x"]]})

    columns, rows = results.merged(run)

    assert columns == ["tenant", "tenant (2)"]
    assert list(rows) == [["https://t0.example.org", "x"]]


@pytest.mark.parametrize(
    ("text", "found"),
    [("ANN", [1]), ("t0", [1, 2]), ("nothing", []), ("", [1, 2])],
    ids=["a cell", "the tenant's name", "nothing", "no filter"],
)
def test_only_rows_that_hold_a_text(brought, text, found):
    _columns, rows = results.merged(brought(TABLE), text)

    assert [row[1] for row in rows] == found


CELLS = st.none() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9)


@given(st.lists(st.lists(CELLS, min_size=2, max_size=2), max_size=5))
def test_csv_holds_what_was_there_and_no_formula(rows):
    text = "".join(results.csv_lines(["=a", "b"], rows))

    read = list(csv.reader(io.StringIO(text, newline="")))
    assert read[0] == ["'=a", "b"]
    for row, cells in zip(read[1:], rows, strict=True):
        for got, cell in zip(row, cells, strict=True):
            was = "" if cell is None else str(cell)
            assert got in (was, f"'{was}")
            if isinstance(cell, str) and cell[:1] in ("=", "+", "@", "\t", "\r"):
                assert got == f"'{was}"


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("-1", "-1"),
        ("-2.50", "-2.50"),
        ("-1+cmd()", "'-1+cmd()"),
        (-3, "-3"),
        ("+1", "'+1"),
    ],
)
def test_a_number_is_no_formula(cell, written):
    assert list(results.csv_lines([], [[cell]]))[1] == f"{written}\r\n"


def test_json_is_a_list_of_tables_or_one(brought):
    run = brought(TABLE, None, {"status": "current"})

    apart = json.loads("".join(results.json_parts(run)))
    one = json.loads("".join(results.json_parts(run, in_one=True)))

    assert [table["wwwroot"] for table in apart] == [
        "https://t0.example.org",
        "https://t2.example.org",
    ]
    assert apart[0]["rows"] == [[1, "Ann"], [2, None]]
    assert (apart[0]["truncated"], apart[0]["state"]) == (True, "succeeded")
    assert one["run"] == run.pk
    assert one["columns"] == ["tenant", "id", "name", "status"]
    assert one["rows"][-1] == ["https://t2.example.org", None, None, "current"]


def test_a_run_without_anything_to_show_says_so(brought):
    assert results.has_tables(brought(None, TABLE))
    assert not results.has_tables(brought({"exit_code": 0}))
    assert not results.has_tables(brought(None))
    assert json.loads("".join(results.json_parts(brought(None)))) == []


def test_however_many_jobs_it_takes_one_query(brought, django_assert_num_queries):
    few, many = brought(*[TABLE] * 2), brought(*[TABLE] * 50)

    for run in (few, many):
        with django_assert_num_queries(1):
            assert sum(1 for _table in results.tables(run)) == run.total


def test_the_shell_prints_a_table_of_each_tenant(manage: Manage, brought):
    run = brought(TABLE, None, {"status": "a\x1b[2Jb"})

    said = manage("results", str(run.pk))

    assert said.code == 0
    assert said.out == (
        "https://t0.example.org\n"
        "  id  name\n  1   Ann\n  2\n  (there are more rows)\n\n"
        "https://t2.example.org\n  status\n  a\\x1b[2Jb\n\n"
    )


@pytest.mark.parametrize(
    ("options", "printed"),
    [
        (["--merged"], "tenant\tid\tname\nhttps://t0.example.org\t1\tAnn\n"),
        (["--csv"], "tenant,id,name\r\nhttps://t0.example.org,1,Ann\r\n"),
        (["--json", "--merged"], '"rows": [["https://t0.example.org", 1, "Ann"]]}\n'),
        (["--json"], '"rows": [[1, "Ann"]], "truncated": true, "affected": null}]\n'),
        ([], "https://t0.example.org\n  id  name\n  1   Ann\n  (there are"),
    ],
    ids=["merged", "csv", "json, merged", "json", "text"],
)
def test_the_shell_prints_only_rows_that_hold_a_text(
    manage: Manage, brought, options, printed
):
    run = brought(TABLE, {"status": "current"})

    said = manage("results", str(run.pk), "--filter=ann", *options)

    assert printed in said.out
    assert "current" not in said.out


def test_a_run_that_is_not_there_is_refused(manage: Manage):
    assert_refused(manage("results", "77"), "There is no run 77")
