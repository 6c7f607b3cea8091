"""The LDAP commands on a real Moodle and a real directory."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from commands.models import Job
from tenants import moodledb, php
from tenants.models import Tenant
from tests.conftest import RunOf
from tests.moodle.directory import BASE, PROGRAM, Directory, directory
from tests.moodle.in_moodle import in_moodle
from tests.moodle.site import Campus

pytestmark = [pytest.mark.moodle, pytest.mark.slow]
# What the settings' page would store at first.
DEFAULTS = {
    "ldap_version": "3",
    "ldapencoding": "utf-8",
    "user_type": "default",
    "pagesize": "250",
    "opt_deref": "0",
    "start_tls": "0",
}
USERS = {
    "search_sub": "0",
    "contexts": f"ou=people,{BASE}",
    "user_attribute": "uid",
    "field_map_idnumber": "uid",
    "field_map_email": "mail",
    "field_map_lastname": "sn",
    "removeuser": "1",  # suspend whom the directory has no more
}
COURSES = {
    "course_search_sub": "0",
    "memberattribute_isdn": "0",
    "nested_groups": "0",
    "unenrolaction": "0",
    "contexts_role5": f"ou=classes,{BASE}",
    "memberattribute_role5": "memberuid",
    "course_idnumber": "cn",
    "course_shortname": "cn",
    "course_fullname": "cn",
    "autocreate": "1",
}
LEFTOVERS = """
    require_once "$CFG->dirroot/course/lib.php";
    foreach ($DB->get_records_select('course', "idnumber LIKE 'vm-ldap-%'") as $made) {
        delete_course($made, false);
    }
    foreach ($DB->get_records('user', ['auth' => 'ldap']) as $user) {
        $DB->delete_records('user', ['id' => $user->id]);
    }
    return true;
"""


@pytest.fixture
def ldap(campus: Campus, tmp_path: Path) -> Iterator[Directory]:
    """Return a directory that no site knows yet; it is forgotten in the end."""
    if not PROGRAM or php_lacks_ldap():
        pytest.skip("slapd and PHP's ldap extension are needed: run bin/install --dev")
    lists = ["auth", "enrol_plugins_enabled"]
    before = {tenant: moodledb.config_of(tenant, lists) for tenant in campus}
    kept = {tenant: settings(tenant) for tenant in campus}
    with directory(tmp_path) as made:
        yield made
    for tenant in campus:
        in_moodle(tenant, LEFTOVERS)
        table = moodledb.table(tenant, "config_plugins")
        ours = "plugin IN ('auth_ldap', 'enrol_ldap')"
        moodledb.execute(tenant.server, f"DELETE FROM {table} WHERE {ours}")
        for plugin, name, value in kept[tenant]:
            columns = "(plugin, name, value) VALUES (%s, %s, %s)"
            sql = f"INSERT INTO {table} {columns}"
            moodledb.execute(tenant.server, sql, [plugin, name, value])
        config = moodledb.table(tenant, "config")
        for name, value in before[tenant].items():
            sql = f"UPDATE {config} SET value = %s WHERE name = %s"
            moodledb.execute(tenant.server, sql, [value, name])
        list(php.run(tenant, "admin/cli/purge_caches.php", ["--muc"]))


def php_lacks_ldap() -> bool:
    return not list(Path("/etc/php").glob("*/cli/conf.d/*-ldap.ini"))


def settings(tenant: Tenant) -> moodledb.Rows:
    table = moodledb.table(tenant, "config_plugins")
    ours = "plugin IN ('auth_ldap', 'enrol_ldap')"
    sql = f"SELECT plugin, name, value FROM {table} WHERE {ours}"
    return moodledb.query(tenant.server, sql)


def done(run) -> None:
    for job in run.jobs.all():
        wanted = {Job.State.SUCCEEDED, Job.State.SKIPPED}
        assert job.state in wanted, (job.error, job.text()[0][-800:])


def configure(
    finished: RunOf, campus: Campus, plugin: str, url: str, given: dict[str, str]
) -> None:
    """Configure the main tenant, copy to the other, switch on on both."""
    table = moodledb.table(campus[0], "config_plugins")
    for name, value in (DEFAULTS | given).items():
        moodledb.execute(
            campus[0].server,
            f"REPLACE INTO {table} (plugin, name, value) VALUES (%s, %s, %s)",
            [plugin, name, value],
        )
    attributes = urlencode({"pkey": f"{plugin}/host_url", "pvalue": url})
    done(finished("generic/SetPluginConfig", campus[:1], attributes))
    done(finished("generic/CopyFullPluginConfig", campus[1:], f"plugin={plugin}"))
    done(finished("plugins/SetState", campus, f"plugin={plugin}&state=enable"))


def users(tenant: Tenant) -> moodledb.Rows:
    table = moodledb.table(tenant, "user")
    return moodledb.query(
        tenant.server,
        f"SELECT username, lastname, email, suspended FROM {table}"
        " WHERE auth = 'ldap' ORDER BY 1",
    )


def students(tenant: Tenant) -> moodledb.Rows:
    table = {n: moodledb.table(tenant, n) for n in ("user", "course", "enrol")}
    joined = moodledb.table(tenant, "user_enrolments")
    return moodledb.query(
        tenant.server,
        f"SELECT c.shortname, u.username FROM {joined} j"
        f" JOIN {table['user']} u ON u.id = j.userid"
        f" JOIN {table['enrol']} e ON e.id = j.enrolid"
        f" JOIN {table['course']} c ON c.id = e.courseid"
        " WHERE e.enrol = 'ldap' ORDER BY 1, 2",
    )


def test_users_and_enrolments_follow_the_directory(
    campus: Campus, finished: RunOf, ldap: Directory
):
    configure(finished, campus, "auth_ldap", ldap.url, USERS)
    configure(finished, campus, "enrol_ldap", ldap.url, COURSES)
    ldap.fill(
        ["vm-ada", "vm-bob", "vm-cyd"],
        {"vm-ldap-a": ["vm-ada", "vm-bob"], "vm-ldap-b": ["vm-bob"]},
    )

    done(finished("system/LdapSyncUsers", campus))
    done(finished("system/LdapEnrolSync", campus))

    for tenant in campus:
        assert users(tenant) == [
            (name, name, f"{name}@example.org", 0)
            for name in ("vm-ada", "vm-bob", "vm-cyd")
        ]
        assert students(tenant) == [
            ("vm-ldap-a", "vm-ada"),
            ("vm-ldap-a", "vm-bob"),
            ("vm-ldap-b", "vm-bob"),
        ]

    ldap.fill(["vm-ada", "vm-bob"], {"vm-ldap-a": ["vm-ada"], "vm-ldap-b": ["vm-bob"]})
    done(finished("system/LdapSyncUsers", campus))
    done(finished("system/LdapEnrolSync", campus))

    for tenant in campus:
        suspended = [name for name, _last, _mail, off in users(tenant) if off]
        assert suspended == ["vm-cyd"]
        assert students(tenant) == [("vm-ldap-a", "vm-ada"), ("vm-ldap-b", "vm-bob")]
