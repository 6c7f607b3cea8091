from contextlib import closing

import pytest

from commands.models import Job
from commands.system.uninstall_plugins import UninstallPlugins
from tenants import moodledb
from tenants.models import Tenant
from tests.commands.conftest import Manage
from tests.commands.system.conftest import (
    complaints,
    job_of,
    options_of,
    put_script,
    set_plugin_config,
)
from tests.conftest import RunOf

UNINSTALL, SCRIPT = "system/UninstallPlugins", "admin/cli/uninstall_plugins.php"
DELETES = """global $DB; $DB->execute(
    "DELETE FROM {config_plugins} WHERE plugin = 'mod_ghost'");"""
FORGETS = """$DB->execute(
    "UPDATE {config} SET value = '' WHERE name = 'allversionshash'");"""
SAYS = 'echo "Uninstalling: mod_ghost\\tGhost\\n";'


@pytest.fixture
def haunted(tenant: Tenant) -> Tenant:
    """Return a tenant with a plugin in its database whose code is gone."""
    set_plugin_config(tenant, "mod_ghost", "version", 2020010100)
    return tenant


def plugins(tenant: Tenant) -> set[str]:
    table = moodledb.table(tenant, "config_plugins")
    return {
        row[0] for row in moodledb.query(tenant.server, f"SELECT plugin FROM {table}")
    }


def test_a_plugin_is_uninstalled(finished: RunOf, haunted: Tenant):
    put_script(haunted, SCRIPT, DELETES + SAYS)

    job = job_of(finished(UNINSTALL, [haunted], "plugins=mod_ghost&run=1"))

    assert job.result == {"uninstalled": ["mod_ghost"]}, job.error
    assert options_of(job) == ["--plugins=mod_ghost", "--run"]
    assert "upgrade" not in job.text()[0]


def test_missing_plugins_are_purged_and_cron_goes_on(finished: RunOf, haunted: Tenant):
    put_script(haunted, SCRIPT, DELETES + FORGETS + SAYS)

    job = job_of(finished(UNINSTALL, [haunted], "purge_missing=1&run=1"))

    assert job.state == Job.State.SUCCEEDED, job.error
    assert "mod_ghost" not in plugins(haunted)
    assert "== upgrade: else cron would stand still" in job.text()[0]
    found = moodledb.config_of(haunted, ["allversionshash"])
    assert found == {"allversionshash": haunted.release.versions_hash}


def test_nobody_cancels_it_between_the_purge_and_the_end_of_the_upgrade(
    haunted: Tenant,
):
    put_script(haunted, SCRIPT, DELETES + FORGETS + SAYS)
    form = UninstallPlugins.from_attributes("purge_missing=1&run=1")
    assert form.is_valid()

    with closing(form.run(haunted)) as steps:
        assert "== upgrade: else cron would stand still" in steps
        assert not form.interruptible


def test_nothing_to_purge_needs_no_upgrade(finished: RunOf, haunted: Tenant):
    put_script(haunted, SCRIPT)

    job = job_of(finished(UNINSTALL, [haunted], "purge_missing=1&run=1"))

    assert job.result == {"uninstalled": []}
    assert "upgrade" not in job.text()[0]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (SAYS, "still in the database: mod_ghost"),
        ('echo "Unknown plugin: mod_x\\n";', "Unknown plugin: mod_x"),
        (
            DELETES + SAYS + 'echo "Can not be uninstalled: mod_x\\tX\\n";',
            "Can not be uninstalled: mod_x\tX; uninstalled: mod_ghost",
        ),
    ],
    ids=["a lie", "unknown", "refused"],
)
def test_an_exit_code_of_zero_is_not_believed(
    finished: RunOf, haunted: Tenant, body: str, sentence: str
):
    put_script(haunted, SCRIPT, body)

    job = job_of(finished(UNINSTALL, [haunted], "plugins=mod_ghost,mod_x&run=1"))

    assert (job.state, job.error) == (Job.State.FAILED, sentence)


@pytest.mark.parametrize(
    ("attributes", "dangerous"),
    [("show_all=1", False), ("plugins=mod_x", False), ("plugins=mod_x&run=1", True)],
)
def test_only_doing_it_is_dangerous(attributes: str, dangerous: bool):
    form = UninstallPlugins.from_attributes(attributes)

    assert form.is_valid()
    assert form.is_dangerous() is dangerous


def test_the_shell_has_both_forms(manage: Manage, haunted: Tenant, workers):
    put_script(haunted, SCRIPT, 'echo "Will be uninstalled: mod_ghost\\tGhost\\n";')

    one = manage("uninstall_plugins", f"--host={haunted.wwwroot}", "--show-missing")
    many = manage("bulkuninstallplugins", "-P", "mod_ghost")

    assert (one.code, many.code) == (0, 0)
    assert "mod_ghost" in plugins(haunted)


@pytest.mark.parametrize(
    "attributes", ["", "run=1", "show_all=1&plugins=mod_x"], ids=["none", "run", "two"]
)
def test_bad_parameters_are_refused(attributes: str):
    [said] = complaints(UninstallPlugins, attributes)

    assert said.startswith(
        "__all__: Choose one of show_all, show_contrib, show_missing"
    )
