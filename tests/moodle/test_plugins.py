"""The plugin commands on a real Moodle."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from commands.plugins import states
from tenants import agent, moodledb, php
from tenants.models import Tenant
from tests.conftest import RunOf
from tests.moodle.site import Campus

pytestmark = [pytest.mark.moodle, pytest.mark.slow]
# What Moodle itself takes for enabled, by type; null for types without a switch.
MOODLES_VIEW = """<?php
define('CLI_SCRIPT', true);
require end($argv) . '/config.php';
core_plugin_manager::reset_caches();
foreach (core_plugin_manager::instance()->get_plugins() as $type => $plugins) {
    foreach ($plugins as $name => $plugin) {
        $all["$type/$name"] = $plugin->is_enabled();
    }
}
echo json_encode($all), "\\n";
"""
# One plugin of each type that has a switch.
ONE_OF_EACH = (
    "antivirus/clamav assignfeedback/comments assignsubmission/comments auth/oauth2 "
    "availability/grade block/badges communication/matrix contenttype/h5p "
    "customfield/date dataformat/ods editor/atto enrol/cohort fileconverter/unoconv "
    "format/social logstore/standard media/youtube message/popup mod/url paygw/paypal "
    "portfolio/download qbank/history qbehaviour/adaptive qtype/numerical "
    "repository/wikimedia tiny/equation webservice/soap"
)


@pytest.fixture
def moodles_view(tmp_path: Path) -> Callable[[Tenant], dict[str, bool | None]]:
    """Return a function that asks Moodle itself what is enabled."""
    script = tmp_path / "view.php"
    script.write_text(MOODLES_VIEW)

    def ask(tenant: Tenant) -> dict[str, bool | None]:
        lines = php.run(tenant, script, [tenant.release.path])
        return json.loads([line for line in lines if line][-1])

    return ask


@pytest.fixture(autouse=True)
def as_before(campus: Campus) -> Iterator[None]:
    """Leave the plugins as they were, switched back all at once."""
    before = {tenant: state_of(tenant) for tenant in campus}
    yield
    for tenant, states_before in before.items():
        now = state_of(tenant)
        back = {p: s for p, s in states_before.items() if now.get(p) != s}
        if back:
            agent.read(tenant, "set_plugin_states", {"states": back})
        assert state_of(tenant) == states_before


def state_of(tenant: Tenant) -> dict[str, str]:
    column = states.columns([tenant])[tenant.pk]
    assert isinstance(column, dict), column
    return {plugin: cell.value for plugin, cell in column.items()}


def test_what_sql_tells_is_what_moodle_tells(campus: Campus, moodles_view):
    _main, beta = campus

    ours, theirs = state_of(beta), moodles_view(beta)

    assert ours.keys() == theirs.keys()
    wrong = {
        plugin
        for plugin, state in ours.items()
        if state != "installed" and (state != "off") != theirs[plugin]
    }
    # Moodle holds web services for disabled as long as the whole of them is.
    assert {plugin for plugin in wrong if not plugin.startswith("webservice/")} == set()
    # What has no switch is always there, but for two that have their own.
    bare = {plugin for plugin, state in ours.items() if state == "installed"}
    off = {plugin for plugin in bare if theirs[plugin] is False}
    assert {plugin.partition("/")[0] for plugin in off} <= {"factor", "mnetservice"}
    assert {"on", "off", "installed"} <= set(ours.values())


def test_a_plugin_of_every_type_is_switched(
    campus: Campus, finished: RunOf, moodles_view
):
    _main, beta = campus
    before = state_of(beta)
    for plugin in ONE_OF_EACH.split():
        state = "disable" if before[plugin] == "on" else "enable"
        attributes = f"plugin={plugin}&state={state}"

        run = finished("plugins/SetState", [beta], attributes)
        again = finished("plugins/SetState", [beta], attributes)

        assert run.counts()["succeeded"] == 1, f"{plugin}: {run.jobs.get().error}"
        assert again.jobs.get().state == "skipped"
        assert again.jobs.get().error == "it is so already"
    after, told = state_of(beta), moodles_view(beta)
    for plugin in ONE_OF_EACH.split():
        assert {before[plugin], after[plugin]} in ({"on", "off"}, {"on", "available"})
        if plugin != "webservice/soap":
            assert told[plugin] == (after[plugin] != "off"), plugin


def test_activities_of_a_module_are_hidden_and_shown_again(
    campus: Campus, finished: RunOf
):
    _main, beta = campus
    modules = moodledb.table(beta, "course_modules")
    moodledb.execute(
        beta.server,
        f"INSERT INTO {modules} (course, module, instance, visible, visibleold)"
        f" SELECT 1, id, 9999, seen, 1 FROM {moodledb.table(beta, 'modules')},"
        " (SELECT 1 AS seen UNION SELECT 0) s WHERE name = 'url'",
    )

    def visible() -> list[int]:
        sql = f"SELECT visible FROM {modules} WHERE instance = 9999 ORDER BY id"
        return [row[0] for row in moodledb.query(beta.server, sql)]

    before = visible()
    finished("plugins/SetState", [beta], "plugin=mod/url&state=disable")
    disabled = visible()
    finished("plugins/SetState", [beta], "plugin=mod/url&state=enable")
    after = visible()
    moodledb.execute(beta.server, f"DELETE FROM {modules} WHERE instance = 9999")

    assert (disabled, after) == ([0, 0], before)
    assert sorted(before) == [0, 1]


@pytest.mark.parametrize(
    ("plugin", "sentence"),
    [
        ("mod/nosuch", "mod/nosuch is not installed on this site"),
        ("nosuch/nosuch", "nosuch/nosuch is not installed on this site"),
        ("report/log", "Moodle has no switch for plugins of the type report"),
        ("auth/manual", "Moodle has it always on"),
        ("format/topics", "The default format cannot be disabled"),
        ("tool/uploaduser", "Moodle has no switch for plugins of the type tool"),
    ],
)
def test_what_cannot_be_switched_is_told(
    campus: Campus, finished: RunOf, plugin: str, sentence: str
):
    before = state_of(campus[1])

    run = finished("plugins/SetState", [campus[1]], f"plugin={plugin}&state=disable")

    job = run.jobs.get()
    assert job.state == "failed"
    assert sentence in job.error
    assert state_of(campus[1]) == before


def test_a_forced_list_is_refused(campus: Campus, finished: RunOf):
    _main, beta = campus
    beta.forced_settings = {"auth": "email"}
    beta.save()

    run = finished("plugins/SetState", [beta], "plugin=auth/oauth2&state=enable")
    beta.forced_settings = {}
    beta.save()

    assert "it is fixed for this site by config.php" in run.jobs.get().error
    assert state_of(beta)["auth/oauth2"] == "off"


def test_a_list_in_a_stale_cache_is_not_written_back(campus: Campus, finished: RunOf):
    _main, beta = campus
    finished("plugins/SetState", [beta], "plugin=auth/oauth2&state=enable")
    sql = f"UPDATE {moodledb.table(beta, 'config')} SET value = %s WHERE name = 'auth'"
    moodledb.execute(beta.server, sql, ["email,oauth2,ldap"])  # behind Moodle's back

    finished("plugins/SetState", [beta], "plugin=auth/cas&state=enable")

    on = {p for p, state in state_of(beta).items() if state == "on"}
    assert {"auth/email", "auth/oauth2", "auth/ldap", "auth/cas"} <= on


def test_a_filter_has_three_states(campus: Campus, finished: RunOf):
    _main, beta = campus
    table = moodledb.table(beta, "filter_active")

    for state, stored in (("available", -1), ("disable", -9999), ("enable", 1)):
        attributes = f"plugin=multilang&state={state}"
        run = finished("plugins/SetFilterState", [beta], attributes)
        again = finished("plugins/SetFilterState", [beta], attributes)

        skipped = state == "disable" and run.jobs.get().state == "skipped"
        assert run.counts()["succeeded"] == 1 or skipped, run.jobs.get().error
        assert again.jobs.get().error == "it is so already"
        sql = f"SELECT active FROM {table} WHERE filter = 'multilang'"
        assert moodledb.query(beta.server, sql) == [(stored,)]


def test_a_type_is_made_as_on_the_source_and_only_what_differs(
    campus: Campus, finished: RunOf
):
    alpha, beta = campus
    for attributes in (
        "plugin=auth/ldap&state=enable",
        "plugin=auth/email&state=disable",
    ):
        finished("plugins/SetState", [alpha], attributes)
    finished("plugins/SetState", [beta], "plugin=block/badges&state=disable")

    run = finished("plugins/Sync", [alpha, beta], "plugintype=auth")
    again = finished("plugins/Sync", [beta], "plugintype=auth")

    jobs = {job.tenant.shortname: job for job in run.jobs.select_related("tenant")}
    assert jobs["alpha"].error == "it is the source"
    assert jobs["beta"].state == "succeeded", jobs["beta"].error
    assert jobs["beta"].result == {
        "changed": {
            "auth/email": ["enabled", "disabled"],
            "auth/ldap": ["disabled", "enabled"],
        }
    }
    assert "auth/ldap: on" in jobs["beta"].text()[0]
    assert again.jobs.get().error == "it is so already"
    assert state_of(beta)["block/badges"] == "off"


def test_picked_cells_are_made_as_on_the_source(campus: Campus, finished: RunOf):
    alpha, beta = campus
    for plugin in ("block/badges", "mod/url", "filter/emoticon"):
        command = "SetFilterState" if plugin.startswith("filter") else "SetState"
        finished(f"plugins/{command}", [alpha], f"plugin={plugin}&state=disable")

    cells = f"{beta.wwwroot} block/badges,filter/emoticon"
    run = finished("plugins/Sync", [beta], f"cells={cells.replace(' ', '+')}")

    assert run.counts()["succeeded"] == 1, run.jobs.get().error
    now = state_of(beta)
    assert now["block/badges"] == now["filter/emoticon"] == "off"
    assert now["mod/url"] == "on"


def test_a_repository_in_use_is_not_deleted(campus: Campus, finished: RunOf):
    alpha, beta = campus
    agent.read(alpha, "set_plugin_states", {"states": {"repository/wikimedia": "off"}})
    repository, instances, contexts = (
        moodledb.table(beta, name)
        for name in ("repository", "repository_instances", "context")
    )
    moodledb.execute(
        beta.server,
        f"INSERT INTO {instances} (name, typeid, contextid) SELECT 'test', r.id, c.id"
        f" FROM {repository} r, {contexts} c WHERE r.type = 'wikimedia'"
        " AND c.contextlevel = 50 AND c.instanceid = 1",
    )

    run = finished("plugins/Sync", [beta], "plugintype=repository")
    moodledb.execute(beta.server, f"DELETE FROM {instances} WHERE name = 'test'")

    assert run.jobs.get().error == (
        "1 of 1 could not be set: repository/wikimedia: 1 of its instances are in use, "
        "and would be deleted: hide it instead, by plugins/SetState"
    )
    assert state_of(beta)["repository/wikimedia"] == "on"
