"""SQL in the databases of two real Moodles."""

import os
import re
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest

from commands.models import Job
from commands.sql.cells import cell
from tenants import confidential, moodledb, php
from tenants.models import Tenant
from tests.conftest import RunOf
from tests.moodle.site import Campus

pytestmark = [pytest.mark.moodle, pytest.mark.slow]
# What an operator may ask of a site, with the signs and words that could get lost.
QUESTIONS = [
    "SELECT auth, COUNT(*) AS n FROM {user} GROUP BY auth ORDER BY n DESC, auth",
    "SELECT DATE_FORMAT(FROM_UNIXTIME(timecreated), '%Y-%m-%d') d, 7 % 3, 1--1 FROM"
    " {course} c WHERE c.id>=1 /* all */ AND NOT c.visible<>1 -- really\n ORDER BY 1",
    "SELECT r.shortname, rc.capability FROM {role} r LEFT JOIN {role_capabilities} rc"
    " ON rc.roleid = r.id AND rc.permission = -1 ORDER BY r.sortorder, rc.capability"
    " LIMIT 5, 10",
    "SELECT CONCAT_WS('\\'\\\\', 'it''s', \"a\"\"b\", '%_', '\\n', 'é😀')",
    "SELECT name, visible FROM {modules} m WHERE EXISTS (SELECT 1 FROM"
    " {course_modules} cm WHERE cm.module = m.id) OR name IN ('forum', 'quiz')"
    " UNION ALL SELECT name, visible FROM {block} WHERE name LIKE 'h\\_%' OR name RLIKE"
    " '^html?$' ORDER BY name",
    "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 9)"
    " SELECT i, SUM(i) OVER (ORDER BY i ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)"
    " FROM n",
    "SELECT classname, CASE WHEN disabled=1 THEN 'off' ELSE NULL END AS state, 0x41,"
    " 1.5e1, (hour<=>'*') FROM {task_scheduled} ORDER BY id LIMIT 20",
    "SELECT GROUP_CONCAT(DISTINCT archetype ORDER BY archetype SEPARATOR '; ')"
    " FROM {role} HAVING COUNT(*) > 1",
    "SELECT CAST(name AS CHAR(3)) COLLATE utf8mb4_bin AS `a``b%`, TRIM(LEADING 'a'"
    " FROM name), DATE_ADD('2026-01-31', INTERVAL 1 MONTH), `name` FROM {modules}"
    " ORDER BY id",
    "SELECT COUNT(DISTINCT table_name) > 300 FROM information_schema.tables WHERE"
    " table_schema = DATABASE()",
]


def asked(finished: RunOf, tenants: list[Tenant], sql: str, **given: object) -> Job:
    """Run a SQL command on tenants; return the job of the last."""
    command = "sql/MultiSql" if ";" in sql else "sql/Sql"
    run = finished(command, tenants, urlencode({"sql": sql, **given}))
    return run.jobs.get(tenant=tenants[-1])


@pytest.mark.parametrize("sql", QUESTIONS, ids=lambda sql: sql[7:40])
def test_the_answer_is_that_of_the_text_as_it_was_written(campus, finished, sql):
    tenant = campus[0]
    table = rf"`{tenant.db_name}`.`{tenant.db_prefix}\1`"
    plain = re.sub(r"\{(\w+)\}", table, sql).replace("%", "%%")
    plain = plain.replace("DATABASE()", f"'{tenant.db_name}'")

    job = asked(finished, [tenant], sql)

    assert job.state == Job.State.SUCCEEDED, job.error
    rows = moodledb.query(tenant.server, plain)
    assert rows
    assert job.result["rows"] == [[cell(value) for value in row] for row in rows]


def test_every_secret_column_of_moodle_s_own_tables_is_known(campus):
    for tenant in campus:
        marks = ", ".join(["%s"] * len(confidential.COLUMNS))
        rows = moodledb.query(
            tenant.server,
            "SELECT DISTINCT table_name FROM information_schema.columns WHERE"
            f" table_schema = %s AND LOWER(column_name) IN ({marks})",
            [tenant.db_name, *confidential.COLUMNS],
        )
        names = {name.removeprefix(tenant.db_prefix) for (name,) in rows}

        assert "user" in names
        assert names - confidential.WITH_COLUMNS - confidential.TABLES == set()


def test_settings_are_read_without_their_secrets(campus, finished):
    for name, (columns, _values) in confidential.SETTINGS.items():
        job = asked(finished, list(campus), f"SELECT * FROM {{{name}}} LIMIT 5")

        assert job.state == Job.State.SUCCEEDED, f"{name}: {job.error}"
        assert job.result["columns"] == list(columns)
    job = asked(
        finished,
        list(campus),
        "SELECT name, value FROM {config} WHERE name IN ('siteidentifier', 'theme')"
        " ORDER BY name",
    )
    assert job.result["rows"] == [["siteidentifier", "(secret)"], ["theme", "boost"]]


def as_moodle_reads(tenant: Tenant, name: str) -> str:
    """Return a setting as the site's own code gets it, through its caches."""
    lines = php.run(tenant, "admin/cli/cfg.php", [f"--name={name}"])
    return "\n".join(line for line in lines if line)


def test_what_is_written_is_seen_by_moodle_after_the_purge(campus, finished):
    tenant, other = campus
    before = as_moodle_reads(tenant, "frontpageloggedin")
    unchanged = as_moodle_reads(other, "frontpageloggedin")

    job = asked(
        finished,
        [tenant],
        "UPDATE {config} SET value = :value WHERE name = 'frontpageloggedin'",
        parameters="value=0,5",
        write=1,
        purge_caches=1,
    )

    assert job.state == Job.State.SUCCEEDED, job.error
    assert job.result["rows"] == [["UPDATE {config}", 1]]
    assert before != "0,5"
    assert as_moodle_reads(tenant, "frontpageloggedin") == "0,5"
    assert as_moodle_reads(other, "frontpageloggedin") == unchanged


def test_a_failure_half_way_leaves_a_site_as_it_was(campus, finished):
    tenant = campus[0]
    table = moodledb.table(tenant, "tag")
    count = f"SELECT COUNT(*) FROM {table}"
    before = moodledb.query(tenant.server, count)
    insert = (
        "INSERT INTO {tag} (userid, tagcollid, name, rawname) VALUES (2, 1, 'x', 'X')"
    )

    job = asked(finished, [tenant], f"{insert}; {insert}; DELETE FROM {{tag}}", write=1)

    assert job.state == Job.State.FAILED
    assert re.search(
        r"2\. INSERT \{tag\}: .*Duplicate.*; nothing was changed", job.error
    )
    assert moodledb.query(tenant.server, count) == before


@pytest.fixture
def fenced(campus: Campus) -> Iterator[Tenant]:
    """Return a site with an account of its own, as Moodle recommends it."""
    tenant, account = campus[0], f"own{os.getpid()}"
    rights = "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, DROP"
    for sql in (
        f"CREATE OR REPLACE USER {account}@localhost IDENTIFIED BY 'pw'",
        f"GRANT {rights} ON `{tenant.db_name}`.* TO {account}@localhost",
    ):
        moodledb.execute(tenant.server, sql)
    former = tenant.db_user, tenant.db_password
    tenant.db_user, tenant.db_password = account, "pw"
    tenant.save()
    yield tenant
    tenant.db_user, tenant.db_password = former
    tenant.save()
    moodledb.execute(tenant.server, f"DROP USER {account}@localhost")


def test_the_account_of_a_site_is_enough(fenced, finished):
    read = asked(finished, [fenced], "SELECT COUNT(*) FROM {user} WHERE deleted = 0")
    made = asked(
        finished,
        [fenced],
        "CREATE TABLE {vmoodle_sql} (id BIGINT AUTO_INCREMENT PRIMARY KEY, n INT)",
        write=1,
    )
    gone = asked(finished, [fenced], "DROP TABLE {vmoodle_sql}", write=1)

    states = [job.state for job in (read, made, gone)]
    assert states == [Job.State.SUCCEEDED] * 3, (read.error, made.error, gone.error)
    assert read.result["rows"][0][0] >= 2
