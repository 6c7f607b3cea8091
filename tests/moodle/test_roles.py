"""The role commands on a real Moodle."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from commands.base import find
from commands.roles.sync import Sync
from tenants import agent, moodledb, php
from tenants.models import Tenant
from tests.conftest import RunOf
from tests.moodle.site import Campus

pytestmark = [pytest.mark.moodle, pytest.mark.slow]
PREVIEW = "mod/quiz:preview"
# What Moodle, through its cache, lets a teacher do with the previews of quizzes.
MOODLES_VIEW = """<?php
define('CLI_SCRIPT', true);
require end($argv) . '/config.php';
$id = $DB->get_field('role', 'id', ['shortname' => 'teacher']);
echo get_role_definitions([$id])[$id]['/1']['mod/quiz:preview'] ?? 0;
"""


def permissions(tenant: Tenant, role: str = "teacher") -> dict[str, str]:
    form = Sync({"role": role, "source": tenant.wwwroot})
    assert form.is_valid()
    column = form.columns([tenant])[tenant.pk]
    assert isinstance(column, dict), column
    return {name: cell.value for name, cell in column.items()}


def give(tenant: Tenant, **given: int) -> None:
    """Set permissions of the teacher, such as quiz_preview=1 for mod/quiz:preview."""
    values = {f"mod/{name.replace('_', ':')}": n for name, n in given.items()}
    asked = {"role": "teacher", "permissions": values, "made": None}
    agent.read(tenant, "sync_role", asked)


def in_all_contexts(tenant: Tenant) -> set[tuple]:
    tables = [moodledb.table(tenant, n) for n in ("role_capabilities", "capabilities")]
    rows = []
    for table, columns in zip(
        tables,
        ("roleid, contextid, capability, permission", "name, captype, contextlevel, 0"),
        strict=True,
    ):
        rows += moodledb.query(tenant.server, f"SELECT {columns} FROM {table}")
    return set(rows)


@pytest.fixture(autouse=True)
def as_before(campus: Campus) -> Iterator[None]:
    """Leave the roles as they were."""
    tables = ("role", "role_capabilities", "role_context_levels") + tuple(
        f"role_allow_{name}" for name in ("assign", "override", "switch", "view")
    )

    def copy(pairs: list[tuple[str, str]], tenant: Tenant) -> None:
        for source, target in pairs:
            moodledb.execute(tenant.server, f"DELETE FROM {target}")
            moodledb.execute(
                tenant.server, f"INSERT INTO {target} SELECT * FROM {source}"
            )

    pairs = {
        tenant: [
            (moodledb.table(tenant, name), f"`{tenant.db_name}`.`kept_{name}`")
            for name in tables
        ]
        for tenant in campus
    }
    for tenant, both in pairs.items():
        for table, kept in both:
            moodledb.execute(tenant.server, f"CREATE TABLE {kept} LIKE {table}")
        copy(both, tenant)
    yield
    for tenant, both in pairs.items():
        copy([(kept, table) for table, kept in both], tenant)
        for _table, kept in both:
            moodledb.execute(tenant.server, f"DROP TABLE {kept}")


def test_a_role_gets_the_permissions_of_the_source_and_nothing_else(
    campus: Campus, finished: RunOf
):
    alpha, beta = campus
    give(alpha, quiz_preview=-1000, quiz_grade=0, chat_chat=1)
    give(beta, forum_rate=-1)
    course = moodledb.table(beta, "role_capabilities")
    own = f"(contextid, roleid, capability, permission) SELECT 2, id, '{PREVIEW}', -1"
    moodledb.execute(
        beta.server,
        f"INSERT INTO {course} {own} FROM {moodledb.table(beta, 'role')}"
        " WHERE shortname = 'teacher'",
    )
    before = in_all_contexts(beta)

    run = finished("roles/Role_Sync", [alpha, beta], "role=teacher")
    again = finished("roles/Sync", [beta], "role=teacher")

    jobs = {job.tenant.shortname: job for job in run.jobs.select_related("tenant")}
    assert jobs["alpha"].error == "it is the source"
    assert jobs["beta"].state == "succeeded", jobs["beta"].error
    changed = jobs["beta"].result["changed"]
    assert changed[PREVIEW] == ["allow", "prohibit"]
    assert changed["mod/quiz:grade"] == ["allow", "not set"]
    assert changed["mod/forum:rate"] == ["prevent", "allow"]
    assert f"{PREVIEW}: allow -> prohibit" in jobs["beta"].text()[0]
    assert again.jobs.get().error == "it is so already"
    assert permissions(beta) == permissions(alpha)
    after = in_all_contexts(beta)
    assert {row[2] for row in before ^ after if isinstance(row[1], int)} == set(changed)
    assert {row for row in before if row[1] == 2} == {
        row for row in after if row[1] == 2
    }


def test_moodle_itself_sees_the_permission_at_once(
    campus: Campus, finished: RunOf, tmp_path: Path
):
    alpha, beta = campus
    script = tmp_path / "view.php"
    script.write_text(MOODLES_VIEW)

    def moodles_view() -> str:
        return "".join(filter(None, php.run(beta, script, [beta.release.path])))

    cached = moodles_view()
    give(alpha, quiz_preview=-1000)
    finished("roles/Sync", [beta], "role=teacher")

    assert (cached, moodles_view()) == ("1", "-1000")


def test_a_role_that_is_missing_is_told_or_made(campus: Campus, finished: RunOf):
    alpha, beta = campus
    made = {
        "name": "Helper, 2nd",
        "description": "<p>Helps</p>",
        "archetype": "teacher",
        "contextlevels": [50, 70],
    }
    given = {"role": "helper", "permissions": {PREVIEW: 1}, "made": made}
    agent.read(alpha, "sync_role", given)

    refused = finished("roles/Sync", [beta], "role=helper")
    run = finished("roles/Sync", [beta], "role=helper&create=1")

    assert refused.jobs.get().state == "failed"
    assert refused.jobs.get().error == (
        "there is no role 'helper' on this site: create the role first"
    )
    assert run.counts()["succeeded"] == 1, run.jobs.get().error
    assert permissions(beta, "helper") == permissions(alpha, "helper")
    table = moodledb.table(beta, "role")
    sql = f"SELECT name, description, archetype FROM {table} WHERE shortname = 'helper'"
    assert moodledb.query(beta.server, sql) == [
        ("Helper, 2nd", "<p>Helps</p>", "teacher")
    ]
    levels = moodledb.table(beta, "role_context_levels")
    sql = (
        f"SELECT contextlevel FROM {levels} l JOIN {table} r ON r.id = l.roleid"
        " WHERE shortname = 'helper' ORDER BY 1"
    )
    assert moodledb.query(beta.server, sql) == [(50,), (70,)]


def test_a_role_that_the_source_has_not_fails_the_run(campus: Campus, run_of: RunOf):
    from commands.base import CommandFailed

    with pytest.raises(CommandFailed, match="alpha.*there is no role 'nosuch'"):
        run_of("roles/Sync", [campus[1]], "role=nosuch&create=1")


def test_a_capability_the_site_has_not_is_named_and_the_others_go_on(
    campus: Campus, finished: RunOf
):
    alpha, beta = campus
    give(alpha, quiz_preview=-1, chat_chat=-1)
    table = moodledb.table(beta, "capabilities")
    rename = f"UPDATE {table} SET name = %s WHERE name = %s"
    moodledb.execute(beta.server, rename, ["mod/chat:was", "mod/chat:chat"])

    run = finished("roles/Sync", [beta], "role=teacher")
    single = finished(
        "roles/CapabilitySync", [beta], "role=teacher&capability=mod/chat:chat"
    )
    moodledb.execute(beta.server, rename, ["mod/chat:chat", "mod/chat:was"])

    job = run.jobs.get()
    assert job.state == "succeeded", job.error
    assert list(job.result["changed"]) == [PREVIEW]
    assert (
        "mod/chat:chat: no such capability here, prevent on the source" in job.text()[0]
    )
    assert single.jobs.get().state == "failed"
    assert single.jobs.get().error == (
        "nothing was changed: mod/chat:chat: no such capability here, prevent on the "
        "source"
    )


def test_one_capability_is_copied_alone(campus: Campus, finished: RunOf):
    alpha, beta = campus
    give(alpha, quiz_preview=-1, chat_chat=-1)

    attributes = f"role=teacher&capability={PREVIEW}"
    run = finished("roles/Role_Capability_Sync", [beta], attributes)
    again = finished("roles/CapabilitySync", [beta], attributes)

    assert run.jobs.get().result == {"changed": {PREVIEW: ["allow", "prevent"]}}
    assert again.jobs.get().error == "it is so already"
    assert permissions(beta)["mod/chat:chat"] != permissions(alpha)["mod/chat:chat"]


@pytest.mark.parametrize("table", ["assign", "override", "switch", "view"])
def test_a_table_of_allowances_is_made_as_on_the_source(
    campus: Campus, finished: RunOf, table: str
):
    alpha, beta = campus

    def set_pairs(tenant: Tenant, *pairs: list) -> None:
        agent.read(tenant, "sync_role_allows", {"table": table, "pairs": list(pairs)})

    set_pairs(alpha, ["student", "guest", True], ["manager", "student", False])
    set_pairs(beta, ["user", "guest", True])

    one = finished("roles/AllowSync", [beta], f"table={table}&role=manager")
    rest = finished("roles/Role_Allow_Sync", [beta], f"table={table}")
    again = finished("roles/AllowSync", [beta], f"table={table}")

    changed = one.jobs.get().result["changed"]
    assert changed == {"manager>student": ["allowed", "not allowed"]}
    assert rest.jobs.get().result["changed"] == {
        "student>guest": ["not allowed", "allowed"],
        "user>guest": ["allowed", "not allowed"],
    }
    assert again.jobs.get().error == "it is so already"


def test_a_failure_half_way_leaves_the_role_as_it_was(campus: Campus):
    _alpha, beta = campus
    before = in_all_contexts(beta)
    given = {
        "role": "teacher",
        "made": None,
        "permissions": {PREVIEW: -1, "no/such:x": 1},
    }

    with pytest.raises(agent.AgentRefusal, match="no/such:x"):
        agent.read(beta, "sync_role", given)
    with pytest.raises(agent.AgentRefusal, match="no role 'nosuch'"):
        pairs = [["student", "guest", True], ["student", "nosuch", True]]
        agent.read(beta, "sync_role_allows", {"table": "assign", "pairs": pairs})

    assert in_all_contexts(beta) == before


def test_comparisons_find_what_differs(campus: Campus):
    alpha, beta = campus
    give(alpha, quiz_preview=-1000)
    pairs = {"table": "assign", "pairs": [["student", "guest", True]]}
    agent.read(alpha, "sync_role_allows", pairs)

    found = {}
    for name, attributes in (
        ("roles/Role_Compare", "role=teacher"),
        ("roles/Role_Allow_Compare", "table=assign"),
    ):
        form = find(name).from_attributes(attributes)
        assert form.is_valid(), form.errors
        matrix = form.matrix([alpha, beta])
        found[form.name()] = {
            row.name: [matrix.said(cell) for cell in row.cells] for row in matrix.rows
        }

    assert found == {
        "roles/Compare": {PREVIEW: ["prohibit", "allow"]},
        "roles/AllowCompare": {"student>guest": ["allowed", "not allowed"]},
    }
