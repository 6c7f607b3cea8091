"""One statement: on a real server, by the engine."""

import os
from urllib.parse import urlencode

import pytest
from django.core.exceptions import ValidationError

from commands.base import find
from commands.models import Job, Run
from tenants import moodledb
from tests.commands.sql.conftest import Ask, pupils

pytestmark = pytest.mark.django_db
State = Job.State


def refusal(command: str, **parameters: str | int) -> str:
    """Return what the form says."""
    form = find(command).from_attributes(urlencode(parameters))
    assert not form.is_valid(), form.cleaned_data
    return " ".join(
        f"{name}: {error}" for name, errors in form.errors.items() for error in errors
    )


def test_rows_are_the_result(ask: Ask):
    job = ask(
        "sql/Sql",
        sql="SELECT id, name FROM {pupil} WHERE id > :least ORDER BY id",
        parameters="least=1",
    )

    assert job.state == State.SUCCEEDED, job.error
    assert job.result == {
        "columns": ["id", "name"],
        "rows": [[2, "Bob"], [3, "Zoë"]],
        "truncated": False,
        "affected": 0,
    }
    assert job.text()[0] == "SELECT {pupil}: 2 rows\n"
    assert not job.run.exclusive


def test_only_so_many_rows_are_kept(ask: Ask):
    job = ask("sql/Sql", sql="SELECT id FROM {pupil} ORDER BY id", max_rows=2)

    assert job.result["rows"] == [[1], [2]]
    assert job.result["truncated"]
    assert "2 rows, and more" in job.text()[0]


def test_columns_of_one_name_are_told_apart(ask: Ask):
    job = ask("sql/Sql", sql="SELECT a.id, b.id FROM {pupil} a, {pupil} b LIMIT 1")

    assert job.result["columns"] == ["id", "id (2)"]


def test_a_statement_that_writes_tells_how_many_rows_it_changed(ask: Ask, school):
    job = ask(
        "sql/Sql",
        sql="UPDATE {pupil} SET name = :name WHERE id < 3",
        parameters="name=O'Hara; --",
        write=1,
    )

    assert job.state == State.SUCCEEDED, job.error
    assert job.result == {
        "columns": ["statement", "affected"],
        "rows": [["UPDATE {pupil}", 2]],
        "truncated": False,
        "affected": 2,
    }
    assert pupils(school)[0] == (1, "O'Hara; --")
    assert job.run.exclusive


def test_a_change_of_a_table_is_a_statement_of_its_own(ask: Ask, school):
    job = ask("sql/Sql", sql="ALTER TABLE {pupil} ADD INDEX i (name)", write=1)

    assert job.state == State.SUCCEEDED, job.error
    assert ask("sql/Sql", sql="TRUNCATE TABLE {pupil}", write=1).result["rows"]
    assert pupils(school) == []


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT nothing FROM {pupil}", "SELECT {pupil}: .*Unknown column 'nothing'"),
        ("SELECT id FROM {absent}", "SELECT {absent}: .*absent' doesn't exist"),
        ("SELECT * FROM {pupil}", r"pupil has a secret column \(token\)"),
    ],
    ids=["column", "table", "secret column of a table that only this site has"],
)
def test_what_a_site_has_not_got_fails_with_one_sentence(ask: Ask, sql, said):
    job = ask("sql/Sql", sql=sql)

    assert job.state == State.FAILED
    assert_matches(job.error, said)
    assert job.result is None


def assert_matches(text: str, pattern: str) -> None:
    with pytest.raises(AssertionError, match=pattern):
        raise AssertionError(text)


def test_a_statement_that_fails_says_that_nothing_was_changed(ask: Ask, school):
    job = ask("sql/Sql", sql="INSERT INTO {pupil} (id) VALUES (4), (1)", write=1)

    assert job.state == State.FAILED
    assert "Duplicate entry '1'" in job.error
    assert job.error.endswith("; nothing was changed")
    assert len(pupils(school)) == 3


def test_what_cannot_be_taken_back_is_told(ask: Ask, school):
    table = moodledb.table(school, "old")
    moodledb.execute(
        school.server, f"CREATE TABLE {table} (id INT PRIMARY KEY) ENGINE=MyISAM"
    )

    job = ask("sql/Sql", sql="INSERT INTO {old} (id) VALUES (4), (4)", write=1)

    assert job.error.endswith("what it changed in tables that are not InnoDB is left")


def test_a_statement_that_takes_too_long_is_stopped(ask: Ask):
    product = ", ".join(f"{{pupil}} {letter}" for letter in "abcdefghijklmnopqrstuv")

    job = ask("sql/Sql", sql=f"SELECT COUNT(*) FROM {product}", max_seconds=1)

    assert "it took longer than 1 s and was stopped" in job.error


def test_an_account_that_is_not_let_in_fails_the_job(ask: Ask, school):
    school.db_user, school.db_password = f"nobody{os.getpid()}", "wrong"
    school.save()

    job = ask("sql/Sql", sql="DELETE FROM {pupil}", write=1)

    assert "Access denied" in job.error
    assert f"the tenant's own account, {school.db_user}" in job.error
    assert len(pupils(school)) == 3


def test_settings_come_without_their_secrets(ask: Ask, school):
    table = moodledb.table(school, "config")
    for sql in (
        f"CREATE TABLE {table} (id INT, name VARCHAR(50), value TEXT)",
        f"INSERT INTO {table} VALUES (1, 'theme', 'boost'), (2, 'smtppass', 'open')",
    ):
        moodledb.execute(school.server, sql)

    job = ask("sql/Sql", sql="SELECT * FROM {config} ORDER BY id")
    found = ask("sql/Sql", sql="SELECT id FROM {config} WHERE value LIKE 'op%'")
    copied = ask(
        "sql/Sql",
        sql="INSERT INTO {pupil} (id, name) SELECT 9, value FROM {config} WHERE id = 2",
        write=1,
    )

    assert job.result["rows"] == [[1, "theme", "boost"], [2, "smtppass", "(secret)"]]
    assert found.result["rows"] == []
    assert copied.result["affected"] == 1
    assert pupils(school)[-1] == (9, "(secret)")


def test_writing_may_purge_the_caches(finished, tenant):
    parameters = {"sql": "UPDATE {config} SET value = 'x' WHERE name = 'nothing'"}
    attributes = urlencode({**parameters, "write": 1, "purge_caches": 1})

    before = moodledb.config_of(tenant, ["themerev"])

    job = finished("sql/Sql", [tenant], attributes).jobs.get()

    assert job.state == State.SUCCEEDED, job.error
    assert "UPDATE {config}: 0 rows changed" in job.text()[0]
    assert moodledb.config_of(tenant, ["themerev"]) != before


def test_a_purge_that_fails_says_that_the_changes_are_made(ask: Ask, school):
    job = ask("sql/Sql", sql="DELETE FROM {pupil}", write=1, purge_caches=1)

    assert job.state == State.FAILED
    assert "the changes are made, but the caches are not purged: " in job.error
    assert pupils(school) == []


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        (
            {"sql": "DELETE FROM {x}"},
            "write: DELETE {x} changes data: it needs",
        ),
        ({"sql": "SELECT 1", "write": 1}, "write: Nothing here writes"),
        ({"sql": "SELECT 1", "purge_caches": 1}, "purge_caches: It goes with write"),
        ({"sql": "SELECT 1; SELECT 2"}, "sql: Only the last statement may be"),
        (
            {"sql": "DELETE FROM {x}; SELECT 2", "write": 1},
            "sql: This is more than one statement: sql/MultiSql",
        ),
        ({"sql": "SELECT id FROM {sessions}"}, "sql: {sessions} is out of bounds"),
        ({"sql": "SELECT :a"}, "sql: There is no value for the parameter :a"),
        ({"sql": "SELECT 1", "parameters": "a=1"}, "sql: No statement uses"),
        ({"sql": "SELECT :a", "parameters": "a"}, "parameters: 'a' is not of the form"),
        ({"sql": "SELECT :a", "parameters": "a=1&b"}, "parameters: It is not of the"),
        ({"sql": "SELECT :a", "parameters": "a=1\na=2"}, "parameters: A parameter has"),
        ({"sql": "SELECT :a", "parameters": "a b=1"}, "'a b' is no name of a param"),
        ({"sql": "SELECT 1\0"}, "sql: Null characters"),
        ({"sql": f"SELECT '{'x' * 1_000_000}'"}, "sql: Ensure this value has at most"),
        ({"sql": "SELECT 1", "max_rows": 10_001}, "max_rows: Ensure this value"),
        ({"sql": "SELECT 1", "max_seconds": 0}, "max_seconds: Ensure this value"),
        ({}, "sql: This field is required"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_form_that_is_wrong_says_why(parameters, said):
    assert said in refusal("sql/Sql", **parameters)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a=1", ["1"]),
        ("a=x=y; z", ["x=y; z"]),
        ("a=100%41", ["100%41"]),
        ("a=1&b=x%26y+z", ["1", "x&y z"]),
        ("a= 1 \n\nb=x&y=%41\n", [" 1 ", "x&y=%41"]),
        ("a=", [""]),
    ],
)
def test_parameters_are_lines_or_a_querystring(text, values):
    names = ["a", "b"][: len(values)]
    sql = "SELECT " + ", ".join(f":{name}" for name in names)

    form = find("sql/Sql").from_attributes(urlencode({"sql": sql, "parameters": text}))

    assert form.is_valid(), form.errors
    assert form.statements[0].compile("d", "p_")[1] == values


@pytest.mark.parametrize(("write", "dangerous"), [(0, False), (1, True)])
def test_only_writing_is_dangerous(write, dangerous):
    sql = "DELETE FROM {x}" if write else "SELECT 1"
    form = find("sql/Sql").from_attributes(urlencode({"sql": sql, "write": write}))

    assert form.is_valid(), form.errors
    assert form.is_dangerous() is form.exclusive is dangerous


def test_a_text_survives_the_querystring():
    sql = "SELECT '100% & more = 1' AS `x;y`,\n  \"Zoë\" -- +"
    form = find("sql/Sql").from_attributes(urlencode({"sql": sql}))
    again = find("sql/Sql").from_attributes(form.attributes())

    assert again.is_valid(), again.errors
    assert again.cleaned_data["sql"] == sql


def test_reading_works_on_a_tenant_that_needs_attention(ask: Ask, school):
    school.attention = "half upgraded"
    school.save()

    assert ask("sql/Sql", sql="SELECT 1").state == State.SUCCEEDED
    refused = ask("sql/Sql", sql="DELETE FROM {pupil}", write=1)
    assert "needs attention" in refused.error


def test_a_run_with_a_wrong_statement_does_not_start(run_of, school):
    with pytest.raises(ValidationError, match="out of bounds"):
        run_of("sql/Sql", [school], urlencode({"sql": "SELECT 1 FROM {sessions}"}))


@pytest.mark.django_db(transaction=True)
def test_the_shell_asks_all_and_prints_what_they_said(manage, workers, school):
    sql = "sql=SELECT COUNT(*) AS pupils FROM {pupil} WHERE name LIKE '%25o%25'"

    ran = manage("run_command", "--command=sql/sql", f"--attributes={sql}")
    said = manage("results", str(Run.objects.get().pk))
    refused = manage("run_command", "-c", "sql/Sql", "-a", "sql=DELETE FROM {pupil}")

    assert ran.code == 0, ran.err
    assert said.out == f"{school.wwwroot}\n  pupils\n  2\n\n"
    assert refused.code == 2
    assert "DELETE {pupil} changes data: it needs write=1" in refused.err
