"""Several statements: in order, all or nothing."""

import pytest

from commands import tasks
from commands.models import Job
from commands.sql import statement
from tenants.moodledb import MoodleDbError
from tests.commands.sql.conftest import Ask, add_pupils, pupils
from tests.commands.sql.test_sql import refusal

pytestmark = pytest.mark.django_db
State = Job.State


def test_statements_are_done_in_their_order(ask: Ask, school):
    job = ask(
        "sql/MultiSql",
        sql="""
            INSERT INTO {pupil} (id, name) VALUES (4, :name);
            UPDATE {pupil} SET name = CONCAT(name, '; done') WHERE id >= 3;
            DELETE FROM {pupil} WHERE id = 1;
        """,
        parameters="name=Dan",
        write=1,
    )

    assert job.state == State.SUCCEEDED, job.error
    assert job.result["rows"] == [
        ["INSERT {pupil}", 1],
        ["UPDATE {pupil}", 2],
        ["DELETE {pupil}", 1],
    ]
    assert job.result["affected"] == 4
    assert pupils(school) == [(2, "Bob"), (3, "Zoë; done"), (4, "Dan; done")]
    assert "2. UPDATE {pupil}: 2 rows changed" in job.text()[0]


def test_the_last_statement_may_show_what_became_of_it(ask: Ask):
    job = ask(
        "sql/MultiSql",
        sql="DELETE FROM {pupil} WHERE id = 1; SELECT COUNT(*) AS n FROM {pupil}",
        write=1,
    )

    assert job.result == {
        "columns": ["n"],
        "rows": [[2]],
        "truncated": False,
        "affected": 1,
    }


def test_a_failure_half_way_leaves_the_site_as_it_was(ask: Ask, school):
    before = pupils(school)

    job = ask(
        "sql/MultiSql",
        sql="DELETE FROM {pupil} WHERE id = 1; INSERT INTO {pupil} (id) VALUES (2);"
        " DELETE FROM {pupil}",
        write=1,
    )

    assert job.state == State.FAILED
    assert job.error.startswith("2. INSERT {pupil}: ")
    assert job.error.endswith("; nothing was changed")
    assert pupils(school) == before


def test_one_site_that_fails_changes_nothing_in_another(finished, school, add_tenant):
    other = add_tenant("two", install=False)

    run = finished(
        "sql/MultiSql",
        [other, school],
        "write=1&sql=DELETE FROM {pupil} WHERE id=1;DELETE FROM {pupil} WHERE id=2",
    )

    states = dict(run.jobs.values_list("wwwroot", "state"))
    assert states == {
        school.wwwroot: State.SUCCEEDED,
        other.wwwroot: State.FAILED,
    }
    assert len(pupils(school)) == 1


def test_a_cancel_between_two_statements_takes_the_first_one_back(run_of, school):
    slow = "SELECT COUNT(*) FROM " + ", ".join(f"{{pupil}} t{n}" for n in range(24))
    run = run_of(
        "sql/MultiSql",
        [school],
        f"write=1&sql=DELETE FROM {{pupil}} WHERE id = 1; {slow}",
    )
    job = run.jobs.with_edges().get()
    assert job.claim("a:1:1")

    tasks.execute(job, interrupted=lambda: True)

    job.refresh_from_db()
    assert job.state == State.CANCELLED
    assert len(pupils(school)) == 3


def test_a_commit_whose_answer_is_lost_leaves_it_open(ask: Ask, monkeypatch):
    def lost(self):
        raise MoodleDbError("database server db1: Lost connection")

    monkeypatch.setattr(statement.Session, "commit", lost)

    job = ask("sql/MultiSql", sql="DELETE FROM {pupil}", write=1)

    assert job.state == State.FAILED
    assert "look whether they are made" in job.error


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        (
            {"sql": "DELETE FROM {x}; TRUNCATE TABLE {y}", "write": 1},
            "sql: TRUNCATE {y} cannot be taken back, so it must be the only statement",
        ),
        (
            {"sql": "SELECT 1; DELETE FROM {x}", "write": 1},
            "sql: Only the last statement may be a SELECT",
        ),
        (
            {"sql": "DELETE FROM {x}; DELETE FROM {sessions}", "write": 1},
            "sql: {sessions} is out of bounds",
        ),
        ({"sql": "DELETE FROM {x}; SELECT 1"}, "write: DELETE {x} changes data"),
        ({"sql": ";;-- nothing"}, "sql: There is no statement"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_form_that_is_wrong_says_why(parameters, said):
    assert said in refusal("sql/MultiSql", **parameters)


def test_one_statement_is_enough(ask: Ask, add_tenant):
    other = add_tenant("two", install=False)
    add_pupils(other)

    assert ask("sql/MultiSql", sql="SELECT 1 AS one").result["rows"] == [[1]]
    assert len(pupils(other)) == 3
