"""What the sandbox does of what needs Moodle's own functions, and what it does not."""

import os
from pathlib import Path

import pytest

from commands.base import CommandFailed
from tenants import confidential, moodledb
from tenants.forms import NewTenantForm
from tenants.lifecycle import provision
from tenants.models import Tenant
from tests.conftest import RunOf
from tests.demo.site import DONE, SO, SOURCE, Pair, Told, change, read
from tests.tenants.conftest import cleared  # noqa: F401 - a fixture
from tests.tenants.making import NEW

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("name", ["api_credentials", "wifiphrase", "smtp_pw2", "pass"])
def test_the_site_s_own_log_hides_what_we_hide(
    tenant: Tenant, finished: RunOf, name: str
):
    assert confidential.is_secret(name)

    job = finished(
        "generic/SetConfig", [tenant], f"key={name}&value=hunter2"
    ).jobs.get()

    assert job.state == "succeeded", job.error
    log = "SELECT value FROM {config_log} WHERE name = %s"
    assert read(tenant, log, name) == [("********",)]


def test_settings_are_set_copied_and_logged(pair: Pair, told: Told):
    one, two = pair
    log = "SELECT userid, plugin, oldvalue, value FROM {config_log} WHERE name = %s"
    stored = "SELECT value FROM {config_plugins} WHERE plugin = 'quiz' AND name = %s"

    assert told("generic/SetConfig", "key=frontpage&value=6") == [DONE, DONE]
    assert told("generic/SetConfig", "key=frontpage&value=6") == [SO, SO]
    assert moodledb.config_of(two, ["frontpage"]) == {"frontpage": "6"}
    assert read(two, log, "frontpage") == [(2, None, None, "6")]

    for tenant in pair:
        change(
            tenant, "INSERT INTO {config_plugins} (plugin, name) VALUES ('quiz', 'a')"
        )
    change(one, "UPDATE {config_plugins} SET value = 'é' WHERE name = 'a'")
    assert told("generic/CopyFullPluginConfig", "plugin=quiz") == [SOURCE, DONE]
    assert read(two, stored, "a") == [("é",)]

    assert told("generic/SetPluginConfig", "pkey=quiz/a&pvalue=") == [DONE, DONE]
    assert read(two, stored, "a") == [("",)]
    change(one, "UPDATE {config_plugins} SET value = '7' WHERE name = 'a'")
    assert told("generic/SyncSettings", "settings=quiz/a") == [SOURCE, DONE]
    assert read(two, stored, "a") == [("7",)]
    assert told("generic/CompareSettings", "settings=quiz/a") == [SOURCE, DONE]

    [nowhere, _same] = told("generic/SetPluginConfig", "pkey=mod_nix/a&pvalue=1")
    assert nowhere == "the site has no plugin mod_nix: install it, or check the name"


def test_a_forced_setting_is_refused(pair: Pair, told: Told):
    one, _two = pair
    one.forced_settings = {"theme": "boost"}
    one.save()

    fixed = "theme is fixed for this site by config.php or by its forced settings"
    [first, second] = told("generic/SetConfig", "key=theme&value=classic")

    assert first.startswith(fixed)
    assert second == DONE


def test_a_site_is_closed_with_a_message(pair: Pair, told: Told):
    _one, two = pair
    names = ["maintenance_enabled", "maintenance_message"]
    page = Path(two.data_path, "climaintenance.html")

    assert told("generic/Maintenance", "message=<b>Back</b>") == [DONE, DONE]
    assert list(moodledb.config_of(two, names).values()) == ["1", "<b>Back</b>"]

    assert told("generic/Maintenance", "message=<b>Soon</b>&hard=1") == [DONE, DONE]
    assert "<b>Soon</b>" in page.read_text()

    assert told("generic/Maintenance", "message=OFF") == [DONE, DONE]
    assert moodledb.config_of(two, names) == {"maintenance_enabled": "0"}
    assert not page.exists()


def test_a_table_is_copied(pair: Pair, told: Told):
    one, two = pair
    table = "generic/CopyTable", "table=user_info_category"
    for tenant, *names in [(one, "A", "b\n'"), (two, "old", "A")]:
        for name in names:
            change(tenant, "INSERT INTO {user_info_category} (name) VALUES (%s)", name)

    assert told(*table) == [SOURCE, DONE]
    assert told(*table) == [SOURCE, SO]

    kept = "SELECT id, name, sortorder FROM {user_info_category}"
    assert read(two, kept) == [(2, "A", 0), (3, "b\n'", 0)]
    with pytest.raises(CommandFailed, match="the site has no table scale: check"):
        told("generic/CopyTable", "table=scale")


def test_a_role_is_made_as_on_another_site(pair: Pair, told: Told):
    one, two = pair
    mine = (
        "SELECT capability, permission, modifierid FROM {role_capabilities} p"
        " JOIN {role} r ON r.id = roleid WHERE shortname = %s ORDER BY capability"
    )
    change(one, "UPDATE {role_capabilities} SET permission = -1 WHERE roleid = 4")
    change(one, "DELETE FROM {role_capabilities} WHERE capability = 'mod/quiz:grade'")

    preview = "role=teacher&capability=mod/quiz:preview"
    assert told("roles/CapabilitySync", preview) == [SOURCE, DONE]
    assert ("mod/quiz:preview", -1, 2) in read(two, mine, "teacher")
    assert ("mod/quiz:grade", 1, 0) in read(two, mine, "teacher")

    assert told("roles/Sync", "role=teacher") == [SOURCE, DONE]
    assert told("roles/Sync", "role=teacher") == [SOURCE, SO]
    assert told("roles/Compare", "role=teacher") == [SOURCE, DONE]
    assert read(two, mine, "teacher") == [
        ("mod/forum:replypost", -1, 2),
        ("mod/quiz:preview", -1, 2),
    ]
    log = "SELECT action, COUNT(*) FROM {logstore_standard_log} WHERE userid = 2"
    assert read(two, f"{log} GROUP BY 1") == [("assigned", 2), ("unassigned", 1)]


def test_a_missing_role_is_created_on_demand(pair: Pair, told: Told):
    one, two = pair
    change(one, "UPDATE {role} SET shortname = 'tutor', name = 'Tutor' WHERE id = 3")

    [_source, lacking] = told("roles/Sync", "role=tutor")
    assert lacking == "there is no role 'tutor' on this site: create the role first"

    assert told("roles/Sync", "role=tutor&create=1") == [SOURCE, DONE]
    made = "SELECT id, name, archetype, sortorder FROM {role} WHERE shortname = 'tutor'"
    assert read(two, made) == [(9, "Tutor", "editingteacher", 9)]
    levels = (
        "SELECT contextlevel FROM {role_context_levels} WHERE roleid = 9 ORDER BY 1"
    )
    assert read(two, levels) == [(50,), (70,)]


def test_who_may_assign_whom_is_copied(pair: Pair, told: Told):
    one, two = pair
    change(one, "DELETE FROM {role_allow_assign} WHERE roleid = 3 AND allowassign = 4")
    change(one, "INSERT INTO {role_allow_view} (roleid, allowview) VALUES (5, 4)")
    pairs = "SELECT allow{0} FROM {{role_allow_{0}}} WHERE roleid = %s ORDER BY 1"

    assert told("roles/AllowSync", "table=assign") == [SOURCE, DONE]
    assert told("roles/AllowSync", "table=view&role=student") == [SOURCE, DONE]
    assert told("roles/AllowSync", "table=switch") == [SOURCE, SO]
    assert told("roles/AllowCompare", "table=assign") == [SOURCE, DONE]

    assert read(two, pairs.format("assign"), 3) == [(5,)]
    assert read(two, pairs.format("view"), 5) == [(4,)]


@pytest.mark.usefixtures("releases", "cleared")
def test_a_tenant_is_made(finished: RunOf):
    [weak] = finished("lifecycle/Create", [planned("admin")]).jobs.all()
    assert "Passwords must be at least 8 characters long." in weak.error

    new = planned("Very-secret-1")
    [job] = finished("lifecycle/Create", [new]).jobs.all()
    assert (job.state, job.error) == (DONE, "")
    [(name, email)] = read(new, "SELECT username, email FROM {user} WHERE id = 2")
    assert (name, email) == ("admin", "a@example.org")


def planned(password: str) -> Tenant:
    """Return a tenant that is entered in the registry, to be installed."""
    given = {"admin_password": password, "admin_email": "a@example.org"}
    given |= {"origin": "install", "release": "4.3", "server": "db1", "force_dns": "1"}
    form = NewTenantForm(NEW | {"db_name": f"new_{os.getpid()}"} | given)
    assert form.is_valid(), form.errors
    return provision.reserve(form.save(commit=False), form.plan())


def test_plugins_are_switched_compared_and_made_as_elsewhere(pair: Pair, told: Told):
    one, two = pair
    nowhere = "mod/chat is not installed on this site"
    no_switch = "Moodle has no switch for plugins of the type theme"

    assert told("plugins/SetState", "plugin=mod/quiz&state=disable") == [DONE, DONE]
    assert told("plugins/SetState", "plugin=mod/quiz&state=disable") == [SO, SO]
    assert told("plugins/SetState", "plugin=mod/chat&state=enable") == [nowhere] * 2
    theme = "plugin=theme/boost&state=disable"
    assert told("plugins/SetState", theme) == [no_switch] * 2
    for name in ("auth/email", "block/badges"):
        assert told("plugins/SetState", f"plugin={name}&state=disable") == [DONE, DONE]
    for state in ("available", "enable"):
        wanted = f"plugin=multilang&state={state}"
        assert told("plugins/SetFilterState", wanted) == [DONE, DONE]

    change(one, "UPDATE {modules} SET visible = 1 WHERE name = 'quiz'")
    change(one, "UPDATE {filter_active} SET active = -1")
    assert told("plugins/Compare", "") == [SOURCE, DONE]
    assert told("plugins/Sync", "") == [SOURCE, DONE]
    assert told("plugins/Sync", "") == [SOURCE, SO]
    assert read(two, "SELECT visible FROM {modules} WHERE name = 'quiz'") == [(1,)]
    assert read(two, "SELECT filter, active FROM {filter_active}") == [
        ("multilang", -1)
    ]
    assert read(two, "SELECT name, visible FROM {block}") == [("badges", 0)]
    assert moodledb.config_of(two, ["auth"]) == {"auth": ""}


def test_administrators_are_put_on_the_list(pair: Pair, told: Told):
    _one, two = pair
    for tenant in pair:
        change(tenant, "INSERT INTO {user} (username, auth) VALUES ('nx-1', 'manual')")
    change(two, "UPDATE {config} SET value = '9' WHERE name = 'siteguest'")
    wanted = "system/FixSiteAdmins", "userscheme=nx-%25&fixguest=1"

    assert told(*wanted) == [DONE, DONE]
    assert told(*wanted) == [SO, SO]

    names = ["siteadmins", "siteguest"]
    assert moodledb.config_of(two, names) == {"siteadmins": "2,3", "siteguest": "1"}
    unknown = f"the site knows no MNet peer {pair[0].wwwroot}"
    [_itself, lacking] = told("system/FixSiteAdmins", "withmnetadmins=1")
    assert lacking == unknown


def test_a_site_that_is_not_registered_says_so(pair: Pair, told: Told):
    sentences = told("system/Register", "")

    assert [s.split(":")[0] for s in sentences] == ["the site is not registered"] * 2


def test_language_packs_are_refused(told: Told):
    sentence = (
        "The sandbox is no Moodle: it has neither language packs nor MNet, try it on a "
        "real one"
    )

    assert told("system/UpdateLangpacks", "") == [sentence, sentence]
