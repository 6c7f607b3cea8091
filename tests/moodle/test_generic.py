"""The generic commands that set and copy settings, on a real Moodle."""

from urllib.parse import urlencode

import pytest

from commands.base import CommandFailed
from commands.models import Job
from tenants import agent, moodledb, php
from tenants.models import Tenant
from tests.conftest import RunOf
from tests.moodle.site import Campus

pytestmark = [pytest.mark.moodle, pytest.mark.slow]
HOSTILE = "'\"\\; rm -rf / `id` $(id)\n../../etc <script>é😀%s {config}"
GONE = "No such configuration variable found."


@pytest.fixture
def beta(campus: Campus) -> Tenant:
    return campus[1]


def job_of(run) -> Job:
    return run.jobs.get()


def plugin_settings(tenant: Tenant, plugin: str) -> dict[str, str]:
    return moodledb.plugin_settings(tenant, [plugin]).get(plugin, {})


def as_moodle_reads(tenant: Tenant, name: str, plugin: str = "") -> str:
    """Return a setting as the site's own code gets it, through its caches."""

    options = [f"--name={name}", *([f"--component={plugin}"] if plugin else [])]
    lines = php.run(tenant, "admin/cli/cfg.php", options, accept=(0, 3))
    return "\n".join(line for line in lines if line)


def test_a_setting_is_set_where_moodle_reads_it(beta: Tenant, finished: RunOf):
    run = finished("generic/SetConfig", [beta], "key=vmoodle_test&value=a%26b")
    again = finished("generic/SetConfig", [beta], "key=vmoodle_test&value=a%26b")

    assert run.counts()["succeeded"] == 1, job_of(run).error
    assert job_of(run).result["changed"] == ["vmoodle_test"]
    assert as_moodle_reads(beta, "vmoodle_test") == "a&b"
    assert (job_of(again).state, job_of(again).error) == ("skipped", "it is so already")


def test_a_cache_that_nobody_invalidated_is_healed(beta: Tenant, finished: RunOf):
    finished("generic/SetConfig", [beta], "key=vmoodle_stale&value=old")
    assert as_moodle_reads(beta, "vmoodle_stale") == "old"
    table = moodledb.table(beta, "config")
    moodledb.execute(
        beta.server, f"UPDATE {table} SET value='new' WHERE name='vmoodle_stale'"
    )

    job = job_of(finished("generic/SetConfig", [beta], "key=vmoodle_stale&value=new"))

    assert job.state == "skipped"
    assert as_moodle_reads(beta, "vmoodle_stale") == "new"


@pytest.mark.parametrize(
    "value",
    ["", HOSTILE, "x" * 2**20, " spaces "],
    ids=["empty", "hostile", "mega", "space"],
)
def test_a_value_arrives_as_it_is(beta: Tenant, finished: RunOf, value: str):
    finished("generic/SetConfig", [beta], "key=vmoodle_value&value=before")
    attributes = urlencode({"key": "vmoodle_value", "value": value})

    job = job_of(finished("generic/SetConfig", [beta], attributes))

    assert job.state == "succeeded", job.error
    stored = moodledb.config_of(beta, ["vmoodle_value"])["vmoodle_value"]
    assert stored == value


def test_the_site_s_own_log_tells_of_it(beta: Tenant, finished: RunOf):
    finished("generic/SetConfig", [beta], "key=vmoodle_logged&value=seen")
    finished("generic/SetConfig", [beta], "key=vmoodle_password&value=unseen")

    log = moodledb.query(
        beta.server,
        f"SELECT name, value FROM {moodledb.table(beta, 'config_log')} "
        "WHERE name IN ('vmoodle_logged', 'vmoodle_password') ORDER BY id DESC LIMIT 2",
    )
    assert log == [("vmoodle_password", "********"), ("vmoodle_logged", "seen")]


def test_a_theme_s_setting_lets_the_theme_be_built_again(beta: Tenant, finished: RunOf):
    before = moodledb.config_of(beta, ["themerev"])

    job = job_of(
        finished(
            "generic/SetPluginConfig", [beta], "pkey=theme_boost/vmoodle_test&pvalue=1"
        )
    )

    assert job.state == "succeeded", job.error
    assert moodledb.config_of(beta, ["themerev"]) != before
    forget(beta, "theme_boost", "vmoodle_test")


def test_a_forced_setting_is_refused(beta: Tenant, finished: RunOf):
    beta.forced_settings = {"vmoodle_forced": "1"}
    beta.save()

    job = job_of(finished("generic/SetConfig", [beta], "key=vmoodle_forced&value=2"))

    assert job.state == "failed"
    assert job.error.startswith("vmoodle_forced is fixed for this site by config.php")
    assert moodledb.config_of(beta, ["vmoodle_forced"]) == {}


def test_a_plugin_s_setting_is_set_where_moodle_reads_it(beta: Tenant, finished: RunOf):
    attributes = "pkey=quiz/vmoodle_test&pvalue=600"

    job = job_of(finished("generic/SetPluginConfig", [beta], attributes))
    again = job_of(finished("generic/SetPluginConfig", [beta], attributes))

    assert job.state == "succeeded", job.error
    assert as_moodle_reads(beta, "vmoodle_test", "quiz") == "600"
    assert again.state == "skipped"
    forget(beta, "quiz", "vmoodle_test")


def test_a_plugin_that_the_site_does_not_have_fails(beta: Tenant, finished: RunOf):
    job = job_of(
        finished("generic/SetPluginConfig", [beta], "pkey=local_nothing/a&pvalue=1")
    )

    assert job.state == "failed"
    assert job.error.startswith("the site has no plugin local_nothing: install it")
    assert plugin_settings(beta, "local_nothing") == {}


def forget(tenant: Tenant, plugin: str, *names: str) -> None:
    """Take settings away again, as a site's own code would."""
    values = dict.fromkeys(names)
    agent.read(tenant, "set_config", {"settings": {plugin: values}})


def test_a_plugin_s_settings_are_copied(campus: Campus, finished: RunOf):
    alpha, beta = campus
    ours = {"vmoodle_a": HOSTILE, "vmoodle_home": f"{alpha.wwwroot}/x", "version": "1"}
    version = plugin_settings(beta, "mod_quiz")["version"]
    agent.read(alpha, "set_config", {"settings": {"quiz": ours}})
    agent.read(beta, "set_config", {"settings": {"quiz": {"vmoodle_b": "stays"}}})

    job = job_of(finished("generic/CopyFullPluginConfig", [beta], "plugin=mod_quiz"))
    again = job_of(finished("generic/CopyFullPluginConfig", [beta], "plugin=mod_quiz"))

    assert job.result == {
        "changed": ["quiz/vmoodle_a"],
        "removed": [],
        "unchanged": len(plugin_settings(beta, "quiz")) - 2,
        "left_out": ["version", "vmoodle_home"],
    }
    assert again.state == "skipped"
    assert as_moodle_reads(beta, "vmoodle_b", "quiz") == "stays"
    assert plugin_settings(beta, "quiz")["vmoodle_a"] == HOSTILE
    assert plugin_settings(beta, "mod_quiz")["version"] == version
    forget(alpha, "quiz", *ours)
    forget(beta, "quiz", "vmoodle_a", "vmoodle_b")


def test_settings_that_only_the_target_has_can_be_removed(
    campus: Campus, finished: RunOf
):
    _alpha, beta = campus
    agent.read(beta, "set_config", {"settings": {"quiz": {"vmoodle_b": "goes"}}})
    whole = len(plugin_settings(beta, "quiz"))

    job = job_of(
        finished("generic/CopyFullPluginConfig", [beta], "plugin=quiz&prune=1")
    )

    assert job.result["removed"] == ["quiz/vmoodle_b"]
    assert len(plugin_settings(beta, "quiz")) == whole - 1
    assert as_moodle_reads(beta, "vmoodle_b", "quiz") == GONE


def test_what_is_forced_on_the_target_is_left_out_of_a_copy(
    campus: Campus, finished: RunOf
):
    alpha, beta = campus
    beta.forced_settings = {"forced_plugin_settings": {"quiz": {"vmoodle_f": "1"}}}
    beta.save()
    ours = {"vmoodle_f": "2", "vmoodle_g": "2"}
    agent.read(alpha, "set_config", {"settings": {"quiz": ours}})

    job = job_of(finished("generic/CopyFullPluginConfig", [beta], "plugin=quiz"))

    assert job.result["changed"] == ["quiz/vmoodle_g"]
    assert "left out: vmoodle_f is fixed for this site" in job.text()[0]
    forget(alpha, "quiz", *ours)
    forget(beta, "quiz", "vmoodle_g")


def test_settings_are_set_all_or_none(beta: Tenant):
    settings = {"quiz": {"vmoodle_first": "1", "x" * 101: "too long a name"}}

    with pytest.raises(agent.AgentRefusal, match="Data too long"):
        agent.read(beta, "set_config", {"settings": settings})

    assert "vmoodle_first" not in plugin_settings(beta, "quiz")
    assert as_moodle_reads(beta, "vmoodle_first", "quiz") == GONE


def test_a_source_without_the_plugin_fails_the_run(campus: Campus, finished: RunOf):
    with pytest.raises(CommandFailed, match="has no settings of local_nothing to copy"):
        finished("generic/CopyFullPluginConfig", [campus[1]], "plugin=local_nothing")


def test_an_operation_that_is_not_there_is_told(campus: Campus):
    with pytest.raises(agent.AgentRefusal, match="no_such_operation"):
        agent.read(campus[1], "no_such_operation", {})


def test_settings_are_made_as_on_another_site(campus: Campus, finished: RunOf):
    alpha, beta = campus
    for attributes in ("key=vmoodle_sync&value=a", "key=smtppass&value=s3cret"):
        finished("generic/SetConfig", [alpha], attributes)

    names = "settings=vmoodle_sync+smtppass+siteidentifier"
    run = finished("generic/SyncSettings", [beta], names)
    again = finished("generic/SyncSettings", [beta], names)

    job = run.jobs.get()
    assert job.state == "succeeded", job.error
    assert job.result["changed"]["vmoodle_sync"] == ["not set", "a"]
    assert "s3cret" not in f"{job.result}{job.text()[0]}"
    assert moodledb.config_of(beta, ["vmoodle_sync", "smtppass"]) == {
        "vmoodle_sync": "a",
        "smtppass": "s3cret",
    }
    assert again.jobs.get().state == "skipped"
    for tenant in campus:
        moodledb.forget_config(tenant, "vmoodle_sync")
        finished("generic/SetConfig", [tenant], "key=smtppass&empty=1")
