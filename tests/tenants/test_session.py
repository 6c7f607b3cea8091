"""Sessions on a real server, with an account that reaches its own database only."""

import os
import threading
import time
from collections.abc import Iterator

import pytest

from tenants import moodledb
from tenants.models import Tenant
from tenants.moodledb import MoodleDbError
from tenants.session import Answer, Session, session
from tests.conftest import AddTenant
from tests.patience import eventually

pytestmark = pytest.mark.django_db


@pytest.fixture
def fenced(add_tenant: AddTenant) -> Iterator[Tenant]:
    """Return a tenant without a site, whose account may do all, there only."""
    account = f"fenced{os.getpid()}"
    tenant = add_tenant("one", install=False, db_user=account, db_password="pw")
    for sql in (
        f"CREATE OR REPLACE USER {account}@localhost IDENTIFIED BY 'pw'",
        f"GRANT ALL ON `{tenant.db_name}`.* TO {account}@localhost",
        f"CREATE TABLE {moodledb.table(tenant, 'n')} (n INT PRIMARY KEY, t TEXT)",
        f"INSERT INTO {moodledb.table(tenant, 'n')} "
        "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i <"
        " 500) SELECT i, REPEAT('x', 100) FROM n",
    ):
        moodledb.execute(tenant.server, sql)
    yield tenant
    moodledb.execute(tenant.server, f"DROP USER {account}@localhost")


def answer(opened: Session, sql: str, *values: str, rows=1000, **limits) -> Answer:
    """Run a statement to its end."""
    steps = opened.run(sql, values, rows, **limits)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def count(tenant: Tenant) -> int:
    table = moodledb.table(tenant, "n")
    return moodledb.query(tenant.server, f"SELECT COUNT(*) FROM {table}")[0][0]


def test_rows_come_with_their_columns(fenced):
    with session(fenced, seconds=60, write=False) as opened:
        found = answer(
            opened,
            f"SELECT n, t AS text FROM {moodledb.table(fenced, 'n')} WHERE n = %s",
            "7",
        )

    assert found == Answer(["n", "text"], [(7, "x" * 100)], False, 0)


@pytest.mark.parametrize(
    ("limits", "number", "truncated"),
    [
        ({"rows": 500}, 500, False),
        ({"rows": 499}, 499, True),
        ({"rows": 1}, 1, True),
        ({"size": 1080}, 10, True),
        ({"size": 1}, 1, True),
    ],
    ids=["all", "one more", "many more", "too large", "larger than all"],
)
@pytest.mark.parametrize("end", ["", " LIMIT 5000"])
def test_only_so_much_is_fetched(fenced, limits, number, truncated, end):
    table = moodledb.table(fenced, "n")

    with session(fenced, seconds=60, write=False) as opened:
        found = answer(opened, f"SELECT n, t FROM {table}{end}", **limits)
        again = answer(opened, f"SELECT COUNT(*) FROM {table}")

    assert (len(found.rows), found.truncated) == (number, truncated)
    assert again.rows == [(500,)]


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM {n}",
        "INSERT INTO {n} VALUES (0, '')",
        "CREATE TABLE {m} (a INT)",
        "DROP TABLE {n}",
        "TRUNCATE TABLE {n}",
    ],
)
def test_nothing_is_written_in_a_session_that_reads(fenced, sql):
    sql = sql.format(n=moodledb.table(fenced, "n"), m=moodledb.table(fenced, "m"))

    with (
        session(fenced, seconds=60, write=False) as opened,
        pytest.raises(MoodleDbError, match="READ ONLY transaction"),
    ):
        answer(opened, sql, rows=0)

    assert count(fenced) == 500


@pytest.mark.parametrize("commit", [True, False])
def test_what_is_written_stays_only_if_it_is_committed(fenced, commit):
    table = moodledb.table(fenced, "n")

    with session(fenced, seconds=60, write=True) as opened:
        assert (
            answer(opened, f"DELETE FROM {table} WHERE n > 10", rows=0).affected == 490
        )
        if commit:
            opened.commit()

    assert count(fenced) == (10 if commit else 500)


def test_a_limit_of_rows_cuts_no_statement_that_writes(fenced):
    table = moodledb.table(fenced, "n")

    with session(fenced, seconds=60, write=True) as opened:
        answer(opened, f"SELECT n FROM {table}", rows=3)
        copied = answer(
            opened, f"INSERT INTO {table} SELECT n + 1000, t FROM {table}", rows=0
        )

    assert copied.affected == 500


def test_a_rollback_tells_what_it_cannot_take_back(fenced):
    table, other = moodledb.table(fenced, "n"), moodledb.table(fenced, "old")
    moodledb.execute(fenced.server, f"CREATE TABLE {other} (a INT) ENGINE=MyISAM")

    with session(fenced, seconds=60, write=True) as opened:
        answer(opened, f"DELETE FROM {table}", rows=0)
        whole = opened.rollback()
        answer(opened, f"INSERT INTO {other} VALUES (1)", rows=0)
        left = not opened.rollback()

    assert (whole, left, count(fenced)) == (True, True, 500)


SLOW = "SELECT COUNT(*) FROM {n} a, {n} b, {n} c, {n} d, {n} e"


def test_a_statement_that_takes_too_long_is_stopped(fenced):
    sql = SLOW.format(n=moodledb.table(fenced, "n"))
    start = time.monotonic()

    with (
        session(fenced, seconds=1, write=False) as opened,
        pytest.raises(MoodleDbError, match="longer than 1 s and was stopped"),
    ):
        answer(opened, sql)

    assert time.monotonic() - start < 20


def test_a_statement_is_stopped_even_where_the_server_knows_no_limit(
    fenced, monkeypatch
):
    monkeypatch.setattr(Session, "_time_limit", lambda self: "sql_notes = 1")
    sql = SLOW.format(n=moodledb.table(fenced, "n"))

    with (
        session(fenced, seconds=1, write=True) as opened,
        pytest.raises(MoodleDbError, match="longer than 1 s and was stopped"),
    ):
        answer(opened, sql)

    assert_nothing_runs(fenced)


def test_a_statement_that_nobody_waits_for_is_stopped_at_the_server(fenced):
    table = moodledb.table(fenced, "n")

    with session(fenced, seconds=60, write=True) as opened:
        answer(opened, f"DELETE FROM {table} WHERE n = 1", rows=0)
        steps = opened.run(SLOW.format(n=table), [])
        next(steps)
        steps.close()

    assert_nothing_runs(fenced)
    assert count(fenced) == 500


def assert_nothing_runs(tenant: Tenant) -> None:
    """Wait for the server to notice that it was told to stop."""
    sql = (
        "SELECT info FROM information_schema.processlist WHERE user = %s"
        " AND info IS NOT NULL"
    )
    eventually(lambda: not moodledb.query(tenant.server, sql, [tenant.db_user]))


def test_a_signal_of_life_comes_while_a_statement_runs(fenced):
    with session(fenced, seconds=30, write=False) as opened:
        signs = sum(1 for _sign in opened.run("SELECT SLEEP(1.2)", []))

    assert signs >= 2


def test_a_statement_that_waits_for_a_lock_gives_up_in_time(fenced):
    table = moodledb.table(fenced, "n")
    with (
        session(fenced, seconds=30, write=True) as first,
        session(fenced, seconds=1, write=True) as second,
    ):
        answer(first, f"UPDATE {table} SET t = '' WHERE n = 1", rows=0)
        start = time.monotonic()

        with pytest.raises(MoodleDbError, match="longer than 1 s|Lock wait"):
            answer(second, f"UPDATE {table} SET t = '' WHERE n = 1", rows=0)

    assert time.monotonic() - start < 20


def test_the_account_reaches_no_other_tenant(fenced, add_tenant):
    other = add_tenant("two", install=False)
    moodledb.execute(other.server, f"CREATE TABLE {moodledb.table(other, 'n')} (n INT)")

    with (
        session(fenced, seconds=60, write=False) as opened,
        pytest.raises(MoodleDbError, match="denied to user"),
    ):
        answer(opened, f"SELECT * FROM {moodledb.table(other, 'n')}")


def test_a_table_without_its_database_is_not_found(fenced):
    with (
        session(fenced, seconds=60, write=False) as opened,
        pytest.raises(MoodleDbError, match="No database selected"),
    ):
        answer(opened, f"SELECT n FROM {fenced.db_prefix}n")


def test_two_statements_are_never_one(fenced):
    with (
        session(fenced, seconds=60, write=True) as opened,
        pytest.raises(MoodleDbError, match="error in your SQL syntax"),
    ):
        answer(opened, "SELECT 1; SELECT 2")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"db_password": "wrong"}, "Access denied.*the tenant's own account, fenced"),
        ({"db_user": "nobody"}, "Access denied.*the tenant's own account, nobody"),
    ],
)
def test_an_account_that_is_not_let_in_is_told_by_its_name(fenced, values, said):
    for name, value in values.items():
        setattr(fenced, name, value)

    with (
        pytest.raises(MoodleDbError, match=said),
        session(fenced, seconds=60, write=False),
    ):
        pass


def test_a_server_that_goes_away_is_an_error_and_not_a_hang(fenced):
    sql = SLOW.format(n=moodledb.table(fenced, "n"))
    with session(fenced, seconds=30, write=False) as opened:
        killer = threading.Timer(0.3, opened._kill)
        killer.start()
        with pytest.raises(MoodleDbError, match="database server db1"):
            answer(opened, sql)
        killer.join()
