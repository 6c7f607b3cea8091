"""The life of tenants, on real Moodle sites."""

import subprocess
from collections.abc import Iterator

import pytest

from tenants import databases, moodledb, provision
from tenants.forms import NewTenantForm
from tenants.models import Journal, Snapshot, Tenant
from tests.conftest import RunOf
from tests.moodle.fleet import Fleet, url

pytestmark = [pytest.mark.moodle, pytest.mark.slow]
Campus = tuple[Tenant, Tenant]
PASSWORD = "Quite-long-1"


@pytest.fixture
def made(campus: Campus, newest_sites: Fleet) -> Iterator[list[Tenant]]:
    """Return a list of tenants to be dropped at the end, with all that is theirs."""
    tenants: list[Tenant] = []
    yield tenants
    for tenant in tenants:
        databases.drop_account(tenant)
        sql = f"DROP DATABASE IF EXISTS `{tenant.db_name}`"
        moodledb.execute(tenant.server, sql)


@pytest.fixture
def template(campus: Campus, finished: RunOf) -> Snapshot:
    run = finished("lifecycle/Snapshot", [campus[0]], "template=1")
    assert run.counts()["succeeded"] == 1, run.jobs.get().error
    return Snapshot.objects.get()


def make(
    finished: RunOf, made: list[Tenant], name: str, config=None, **given
) -> Tenant:
    """Return a tenant that was planned by the form, and made."""
    given = {"wwwroot": url(name), "name": f"{name} é", "shortname": name} | given
    form = NewTenantForm({"force_dns": "1", **given}, config=config)
    assert form.is_valid(), form.errors
    tenant = provision.reserve(form.save(commit=False), form.plan())
    made.append(tenant)
    run = finished("lifecycle/Create", [tenant])
    job = run.jobs.get()
    assert job.state == "succeeded", job.error + job.text()[0]
    return Tenant.objects.with_edges().get(pk=tenant.pk)


def dumped(tenant: Tenant) -> str:
    """Return the whole database of a site as text."""
    return subprocess.run(
        [
            "mariadb-dump",
            "--no-defaults",
            f"--socket={tenant.server.socket}",
            "--skip-extended-insert",
            tenant.db_name,
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def values(tenant: Tenant, sql: str) -> list:
    rows = moodledb.query(tenant.server, sql.format(db=f"`{tenant.db_name}`"))
    return [row[0] if len(row) == 1 else row for row in rows]


# As the columns of a list name them.
SETTINGS = {
    "": {"theme": "classic"},
    "mod_quiz": {"timelimit": "77"},
    "mod_lesson": {"maxanswers": "9"},
    "block_recentlyaccessedcourses": {"displaycategories": "0"},
    "format_topics": {"indentation": "0"},
    "report_log": {"anything": "x"},
    "auth_ldap": {"host_url": "ldaps://x"},
}
STORED = (
    "SELECT CONCAT(plugin, '/', name) FROM {db}.mdl_config_plugins"
    " WHERE value IN ('77', '9', 'x', 'ldaps://x') AND"
    " name IN ('timelimit', 'maxanswers', 'anything', 'host_url') ORDER BY 1"
)
TASKS = (
    "SELECT classname, minute, hour FROM {db}.mdl_task_scheduled WHERE customised = 0"
    " ORDER BY classname"
)
KEYS = (
    "SELECT value FROM {db}.mdl_config_plugins WHERE name IN"
    " ('kid', 'privatekey', 'lti_13_kid', 'lti_13_privatekey') ORDER BY plugin, name"
)


def test_a_tenant_is_made_from_a_template(
    campus: Campus, template: Snapshot, made, finished: RunOf, newest_sites: Fleet
):
    alpha, _beta = campus

    tenant = make(
        finished,
        made,
        "delta",
        config=SETTINGS,
        template=template.name,
        admin_email="ann@example.com",
        admin_password=PASSWORD,
    )

    assert (tenant.enabled, tenant.attention) == (True, "")
    assert not Journal.objects.exists()
    status, text = newest_sites.page("delta")
    assert status == 200
    assert "delta é" in text
    assert values(tenant, STORED) == [
        "auth_ldap/host_url",
        "mod_lesson/maxanswers",
        "quiz/timelimit",
        "report_log/anything",
    ]
    assert moodledb.config_of(tenant, ["theme"]) == {"theme": "classic"}
    differ = [
        (one, other)
        for one, other in zip(values(alpha, TASKS), values(tenant, TASKS), strict=True)
        if one != other
    ]
    assert len(differ) > 20
    keys, former = values(tenant, KEYS), values(alpha, KEYS)
    assert len(keys) == 4
    assert not set(keys) & set(former)
    assert "alpha.example.org" not in dumped(tenant)
    assert alpha.data_path not in dumped(tenant)
    [email] = values(tenant, "SELECT email FROM {db}.mdl_user WHERE username = 'admin'")
    assert email == "ann@example.com"
    assert moodledb.config_of(tenant, ["siteidentifier"])["siteidentifier"].endswith(
        "delta.example.org"
    )
