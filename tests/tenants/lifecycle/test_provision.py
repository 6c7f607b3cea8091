"""A tenant is made whole, or nothing of it is left. Sandbox site, real MariaDB.

What the agent does in a new site is left out; tests/demo/test_operations.py has it.
"""

from pathlib import Path

import pytest

from tenants import moodledb
from tenants.forms import NewTenantForm
from tenants.lifecycle import databases, provision
from tenants.lifecycle.steps import LifecycleError
from tenants.models import Journal, Snapshot, Tenant
from tenants.serving import publish
from tests.conftest import AddTenant
from tests.tenants.making import (
    NEW,
    POOL,
    assert_nothing_left,
    config,
    db_name,
    made,
    planned,
)

pytestmark = pytest.mark.usefixtures("cleared", "settled")


def test_a_tenant_is_made_from_a_template(template: Snapshot, settled, settings):
    new = made(planned(template=template.name, admin_email="a@example.org"))

    assert (new.enabled, new.attention) == (True, "")
    assert not Journal.objects.exists()
    assert new.release.name == "4.2"
    assert new.data_path == str(settings.VMOODLE_DATA_ROOT / "new")
    assert Path(new.data_path, POOL).samefile(template.path / "files" / POOL)
    assert publish.boot_file("new.example.org").is_file()
    assert settled == [
        ("settle", {"admin_email": "a@example.org", "admin_password": ""})
    ]
    own = moodledb.query(
        new.server, f"SELECT fullname, shortname FROM {moodledb.table(new, 'course')}"
    )
    assert own == [("New 'School' é", "new")]


def test_what_is_the_others_own_is_not_taken_over(template: Snapshot, tenant: Tenant):
    new = made(planned(template=template.name))

    found = config(new, "siteidentifier", "noreplyaddress", "link")
    former = config(tenant, "siteidentifier")["siteidentifier"]
    assert found["siteidentifier"].endswith("new.example.org")
    assert found["siteidentifier"][:32] != former[:32]
    assert found["noreplyaddress"] == "noreply@new.example.org"
    assert found["link"] == "see https://new.example.org/x, https://one.example.org.uk"
    sessions = f"SELECT COUNT(*) FROM {moodledb.table(new, 'sessions')}"
    assert moodledb.query(new.server, sessions) == [(0,)]
    hosts = f"SELECT wwwroot, deleted FROM {moodledb.table(new, 'mnet_host')}"
    assert moodledb.query(new.server, hosts) == [
        ("https://new.example.org", 0),
        ("", 0),
        ("https://peer.example.org", 1),
    ]


def test_it_has_an_account_of_its_own(template: Snapshot, server):
    new = made(planned(template=template.name))

    assert new.db_user == "vm_new"
    assert len(new.db_password) > 24
    assert databases.has_account(server, "vm_new")
    rows = moodledb.query(server, "SHOW GRANTS FOR 'vm_new'@'localhost'")
    assert len(rows) == 2
    assert f"`{db_name()}`".replace("_", r"\_") in rows[1][0]


def test_the_account_of_another_one_that_is_being_made_stays(
    template: Snapshot, server
):
    both = {"template": template.name, "db_user": "given"}
    first = planned(**both)
    other = {"wwwroot": "https://two.example.org", "shortname": "two"}
    second = planned(**both, **other, db_name=f"{db_name()}_two")
    databases.create_account(first)  # which has no rights yet

    with pytest.raises(LifecycleError, match="^make the account: "):
        made(second)

    assert databases.has_account(server, "given")
    assert provision.recover(first) == ""
    assert not Tenant.objects.filter(shortname__in=["new", "two"]).exists()


def test_a_given_account_is_used_as_it_is(template: Snapshot, server):
    moodledb.execute(server, "CREATE USER given@localhost IDENTIFIED BY 'pass'")

    new = made(planned(template=template.name, db_user="given", db_password="pass"))

    assert (new.db_user, new.db_password) == ("given", "pass")
    moodledb.query(server, "SHOW GRANTS FOR given@localhost")


def test_tables_get_the_wanted_prefix(template: Snapshot):
    new = made(planned(template=template.name, db_prefix="m2_"))

    assert config(new, "version")
    assert all(
        name[:3] == "m2_" for name in databases.table_sizes(new.server, db_name())
    )


def test_a_tenant_is_copied(template: Snapshot, tenant: Tenant):
    Snapshot.objects.all().delete()

    new = made(planned(source=tenant.wwwroot, mail_off="1", anonymise="1"))

    assert config(new, "version") == config(tenant, "version")
    assert new.forced_settings == {"noemailever": True}
    users = f"SELECT username, email FROM {moodledb.table(new, 'user')} ORDER BY id"
    assert moodledb.query(new.server, users) == [
        ("guest", "admin@example.org"),
        ("admin", "admin@example.org"),
    ]
    assert not Snapshot.objects.exists()
    left = {path.name for path in template.path.parent.iterdir()}
    assert left == {template.name}


def test_people_are_made_unknown(template: Snapshot, tenant: Tenant):
    sql = f"INSERT INTO {moodledb.table(tenant, 'user')} (auth, username, email)"
    moodledb.execute(tenant.server, f"{sql} VALUES ('manual', 'bob', 'bob@b.org')")

    new = made(planned(source=tenant.wwwroot, anonymise="1"))

    users = f"SELECT username, email, password FROM {moodledb.table(new, 'user')}"
    assert moodledb.query(new.server, users)[-1] == (
        "user3",
        "user3@example.invalid",
        "not cached",
    )


def test_a_busy_tenant_is_not_copied(template: Snapshot, tenant: Tenant):
    new = planned(source=tenant.wwwroot)
    Tenant.objects.filter(pk=tenant.pk).update(held_by=1)

    with pytest.raises(LifecycleError, match="^copy the source: .* is busy"):
        made(new)

    assert_nothing_left()


def test_moodle_is_installed(releases, settled, server):
    new = made(
        planned(
            origin="install", release="4.3", admin_email="a@example.org", server="db1"
        )
    )

    assert float(config(new, "version")["version"]) == float(new.release.version)
    assert [name for name, _given in settled] == ["settle"]


def test_settings_are_made(template: Snapshot, settled):
    wanted = {"": {"theme": "classic"}, "mod_forum": {"x": "1"}}

    made(planned(template=template.name, config=wanted))

    assert settled[1] == ("set_config", {"settings": wanted})


def test_a_site_that_is_there_is_registered(tenant: Tenant, settled):
    former = {
        name: getattr(tenant, name)
        for name in ("db_name", "db_user", "db_password", "data_path")
    }
    Tenant.objects.filter(pk=tenant.pk).delete()

    new = made(planned(origin="register", release="4.2", server="db1", **former))

    assert new.enabled
    assert settled == []
    assert databases.exists(new.server, tenant.db_name)


def test_what_is_no_site_is_not_registered(add_tenant: AddTenant):
    empty = add_tenant("one", install=False)
    Tenant.objects.filter(pk=empty.pk).delete()
    new = planned(
        origin="register",
        release="4.2",
        server="db1",
        db_name=empty.db_name,
        db_user=empty.db_user,
        db_password=empty.db_password,
        data_path=empty.data_path,
    )

    with pytest.raises(LifecycleError, match="^look at the site: .*doesn't exist"):
        made(new)

    assert databases.exists(empty.server, empty.db_name)
    assert Path(empty.data_path).is_dir()
    assert not Tenant.objects.exists()


def test_an_account_that_somebody_made_meanwhile_stays(template: Snapshot, server):
    new = planned(template=template.name)
    databases.create_account(new)

    with pytest.raises(LifecycleError, match="^make the account: "):
        made(new)

    assert databases.has_account(server, "vm_new")
    assert not databases.exists(server, db_name())
    assert not Journal.objects.exists()


@pytest.mark.parametrize(
    ("meanwhile", "why"),
    [
        ({"is_main": True}, "There is a main tenant already"),
        ({"data_path": "{}/below"}, "It overlaps the data path of https://one."),
    ],
)
def test_what_is_free_no_more_when_it_is_entered_is_refused(
    template: Snapshot, tenant: Tenant, meanwhile, why: str
):
    form = NewTenantForm(NEW | {"template": template.name, "is_main": "on"})
    assert form.is_valid(), form.errors
    new = form.save(commit=False)
    for name, value in meanwhile.items():
        taken = value.format(new.data_path) if isinstance(value, str) else value
        Tenant.objects.filter(pk=tenant.pk).update(**{name: taken})

    with pytest.raises(LifecycleError, match=f"org is not made: {why}"):
        provision.reserve(new, form.plan())

    assert [one.pk for one in Tenant.objects.all()] == [tenant.pk]
    assert not publish.boot_file("new.example.org").exists()
