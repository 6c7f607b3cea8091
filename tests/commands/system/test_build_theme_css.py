import time

from commands.models import Job
from commands.system.build_theme_css import BuildThemeCss
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

THEMES, SCRIPT = "system/BuildThemeCss", "admin/cli/build_theme_css.php"


def test_what_was_compiled_is_told(finished: RunOf, tenant: Tenant):
    put_script(tenant, SCRIPT)
    set_plugin_config(tenant, "theme_boost", "themerev", int(time.time()) + 600)
    set_plugin_config(tenant, "theme_old", "themerev", int(time.time()) - 60)

    job = job_of(finished(THEMES, [tenant], "themes=boost&direction=rtl"))

    assert job.result == {"themes": ["boost"]}, job.error
    assert options_of(job) == ["--verbose", "--themes=boost", "--direction=rtl"]


def test_a_theme_that_was_not_compiled_fails(finished: RunOf, tenant: Tenant):
    put_script(tenant, SCRIPT)
    set_plugin_config(tenant, "theme_boost", "themerev", int(time.time()) + 600)

    job = job_of(finished(THEMES, [tenant], "themes=boost,classic"))

    assert job.state == Job.State.FAILED
    assert job.error == "not compiled, says the database: classic"


def test_none_at_all_fails(finished: RunOf, tenant: Tenant):
    put_script(tenant, SCRIPT)

    job = job_of(finished(THEMES, [tenant]))

    assert job.error == "not compiled, says the database: any theme"


def test_the_shell_has_both_forms(manage: Manage, tenant: Tenant, workers):
    put_script(tenant, SCRIPT)
    set_plugin_config(tenant, "theme_boost", "themerev", int(time.time()) + 600)

    assert manage("build_theme_css", f"--host={tenant.wwwroot}").code == 0
    assert manage("bulkbuildthemecss", "--themes=boost").code == 0


def test_what_is_no_list_of_themes_is_refused():
    [said] = complaints(BuildThemeCss, "themes=a b; rm")

    assert said == "themes: Enter a valid value."
