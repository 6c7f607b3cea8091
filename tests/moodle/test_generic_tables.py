"""Tables copied between two real Moodles."""

from collections.abc import Iterator
from urllib.parse import urlencode

import pytest

from commands.base import CommandFailed
from commands.models import Job
from tenants import agent, moodledb
from tenants.models import Tenant
from tests.conftest import RunOf
from tests.moodle.site import Campus

pytestmark = [pytest.mark.moodle, pytest.mark.slow]
HOSTILE = "'\"\\; DROP TABLE x -- `é😀%s ? :a {user}\n"
SCHEMA = """(
    id BIGINT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(255) NOT NULL, note LONGTEXT,
    data LONGBLOB, amount DECIMAL(10,2), userid BIGINT NOT NULL DEFAULT 0,
    UNIQUE (name)
) ENGINE=InnoDB"""


@pytest.fixture
def sites(campus: Campus) -> Iterator[Campus]:
    """Return the two sites with a table of a plugin's in both."""
    for tenant in campus:
        change(tenant, "CREATE TABLE {table} " + SCHEMA)
    yield campus
    for tenant in campus:
        change(tenant, "DROP TABLE {table}")


def change(tenant: Tenant, sql: str, *values: object) -> None:
    sql = sql.replace("{table}", moodledb.table(tenant, "vmoodle_probe"))
    moodledb.execute(tenant.server, sql, values)


def fill(tenant: Tenant, *names: str, first: int = 1) -> None:
    for number, name in enumerate(names, first):
        change(tenant, "INSERT INTO {table} (id, name) VALUES (%s, %s)", number, name)


def rows(tenant: Tenant, columns: str = "id, name") -> list[tuple]:
    table = moodledb.table(tenant, "vmoodle_probe")
    return moodledb.query(tenant.server, f"SELECT {columns} FROM {table} ORDER BY id")


def copied(finished: RunOf, tenant: Tenant, **attributes: object) -> Job:
    given = urlencode({"table": "vmoodle_probe", **attributes})
    return finished("generic/CopyTable", [tenant], given).jobs.get()


def test_a_table_is_copied_with_new_ids(sites: Campus, finished: RunOf):
    alpha, beta = sites
    fill(alpha, "a", "b", "c")
    fill(beta, "b", "x", first=50)

    job = copied(finished, beta)
    again = copied(finished, beta)

    assert job.result == {"added": 2, "replaced": 0, "deleted": 1, "unchanged": 1}
    assert (again.state, again.error) == ("skipped", "it is so already")
    assert rows(beta)[0] == (50, "b")
    assert {name for _id, name in rows(beta)} == {"a", "b", "c"}
    assert min(number for number, _name in rows(beta)) == 50


def test_a_table_is_copied_with_its_ids(sites: Campus, finished: RunOf):
    alpha, beta = sites
    fill(alpha, "a", "b", "c")
    fill(beta, "b", "a", "c")  # two of them the other way round

    job = copied(finished, beta, keep_ids=1)

    assert job.result == {"added": 0, "replaced": 2, "deleted": 0, "unchanged": 1}
    assert rows(beta) == rows(alpha)


def test_values_arrive_as_they_are(sites: Campus, finished: RunOf):
    alpha, beta = sites
    change(
        alpha,
        "INSERT INTO {table} (name, note, data, amount) VALUES (%s, %s, %s, 1.50)",
        HOSTILE,
        "",
        bytes(range(256)),
    )
    change(alpha, "INSERT INTO {table} (name, note) VALUES ('large', %s)", "x" * 2**20)

    job = copied(finished, beta)

    assert job.result["added"] == 2, job.error
    columns = "name, note, data, amount"
    assert rows(beta, columns) == rows(alpha, columns)
    assert "ids of the source, which may mean others here: userid" in job.text()[0]


def test_a_condition_chooses_rows_of_the_source(sites: Campus, finished: RunOf):
    alpha, beta = sites
    fill(alpha, "a", "b", HOSTILE)

    quoted = HOSTILE.replace("\\", "\\\\").replace("'", "''")
    copied(finished, beta, select=f"name = '{quoted}' or (id < 2 and note is null)")

    assert [name for _id, name in rows(beta)] == ["a", HOSTILE]


def test_many_rows_are_copied(sites: Campus, finished: RunOf):
    alpha, beta = sites
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
    numbers += " WHERE i < 20000) SELECT CONCAT('n', i), i FROM n"
    change(alpha, "SET max_recursive_iterations = 30000")
    change(alpha, f"INSERT INTO {{table}} (name, userid) {numbers}")

    job = copied(finished, beta)

    assert job.result["added"] == 20000, job.error
    assert rows(beta, "name, userid") == rows(alpha, "name, userid")


def test_an_empty_source_does_not_empty_the_target(sites: Campus, finished: RunOf):
    alpha, beta = sites
    fill(beta, "stays")

    with pytest.raises(CommandFailed, match="has no such rows in vmoodle_probe"):
        copied(finished, beta)
    assert rows(beta) == [(1, "stays")]

    copied(finished, beta, allow_empty=1)
    assert rows(beta) == []


def test_a_failure_leaves_the_target_as_it_was(sites: Campus):
    alpha, beta = sites
    fill(alpha, "a", "b")
    fill(beta, "old")
    read = {"table": "vmoodle_probe", "where": "", "values": [], "names": []}
    found = agent.read(alpha, "read_table", read)
    found["rows"].append(["3", "a", None, None, None, "0"])  # a second one

    with pytest.raises(agent.AgentRefusal, match="Duplicate entry 'a'"):
        agent.read(
            beta, "write_table", found | {"table": "vmoodle_probe", "keep_ids": False}
        )

    assert rows(beta) == [(1, "old")]


def test_columns_may_differ_when_that_does_no_harm(sites: Campus, finished: RunOf):
    alpha, beta = sites
    change(alpha, "ALTER TABLE {table} ADD theirs INT NOT NULL")
    change(beta, "ALTER TABLE {table} ADD ours INT NOT NULL DEFAULT 5")
    change(alpha, "INSERT INTO {table} (name, theirs) VALUES ('a', 1)")

    job = copied(finished, beta)

    assert rows(beta, "name, ours") == [("a", 5)], job.error
    assert "left out: vmoodle_probe has no column theirs on this site" in job.text()[0]


def test_a_column_that_cannot_be_filled_is_refused(sites: Campus, finished: RunOf):
    alpha, beta = sites
    change(beta, "ALTER TABLE {table} ADD ours INT NOT NULL")
    fill(alpha, "a")
    change(beta, "INSERT INTO {table} (name, ours) VALUES ('old', 1)")

    job = copied(finished, beta)

    assert job.state == "failed"
    assert job.error.startswith("vmoodle_probe has a column ours that the source lacks")
    assert rows(beta) == [(1, "old")]


def test_a_table_without_transactions_is_refused(sites: Campus, finished: RunOf):
    alpha, beta = sites
    change(beta, "ALTER TABLE {table} ENGINE = MyISAM")
    fill(alpha, "a")

    job = copied(finished, beta)

    assert job.state == "failed"
    assert job.error.startswith("vmoodle_probe is of the engine MyISAM, which has no")


def test_a_table_that_is_not_there_is_told(sites: Campus, finished: RunOf):
    alpha, beta = sites
    with pytest.raises(CommandFailed, match="the site has no table local_nothing"):
        copied(finished, beta, table="local_nothing")
    with pytest.raises(CommandFailed, match="vmoodle_probe has no column nothing"):
        copied(finished, beta, select="nothing = 1")

    fill(alpha, "a")
    change(beta, "RENAME TABLE {table} TO " + moodledb.table(beta, "vmoodle_away"))
    job = copied(finished, beta)
    away = moodledb.table(beta, "vmoodle_away")
    change(beta, f"RENAME TABLE {away} TO {{table}}")

    assert (job.state, job.error) == ("failed", "the site has no table vmoodle_probe")
