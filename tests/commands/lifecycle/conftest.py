"""What the agent does in a new site is left out; tests/demo has it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tenants import moodledb
from tenants.backup import snapshots
from tenants.forms import NewTenantForm
from tenants.lifecycle import databases, provision
from tenants.models import DatabaseServer, Snapshot, Tenant
from tests.commands.upgrade.conftest import visitor
from tests.conftest import AddTenant
from tests.leftovers import dropped
from tests.steps import end
from tests.tenants.making import POOL, answered

__all__ = ["visitor"]  # a fixture

NEW = {"wwwroot": "https://new.example.org", "name": "New School", "shortname": "new"}


@pytest.fixture
def settled(monkeypatch, server, settings) -> Iterator[list[tuple[str, dict]]]:
    """Return what the agent was asked for, by operation; drop what was made."""
    asked = answered(monkeypatch)
    settings.VMOODLE_WEB_ADDRESS = "http://127.0.0.1:9"  # where nobody listens
    for _once in dropped(server):
        yield asked
    sql = "SELECT User FROM mysql.user WHERE User LIKE 'vm\\_%%'"
    for (name,) in moodledb.query(server, sql):
        moodledb.execute(server, "DROP USER %s@'localhost'", [name])


@pytest.fixture
def template(tenant: Tenant) -> Snapshot:
    return end(snapshots.take(tenant, template=True))


def db_name(name: str) -> str:
    return f"{name}_{os.getpid()}"


@pytest.fixture
def planned(template: Snapshot, settled) -> Tenant:
    """Return a tenant that is entered in the registry, to be made."""
    given = NEW | {"template": template.name, "force_dns": "1"}
    form = NewTenantForm(given | {"db_name": db_name("new")})
    assert form.is_valid(), form.errors
    return provision.reserve(form.save(commit=False), form.plan())


@pytest.fixture
def site(tenant: Tenant, second_server: DatabaseServer) -> Iterator[Tenant]:
    """Return a site with an account of its own, files, and caches."""
    data = Path(tenant.data_path)
    for name in (POOL, "lang/fr/x.php", "cache/y", "muc/config.php"):
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).touch()
    tenant.db_user = f"vm_{os.getpid()}"
    databases.create_account(tenant)
    databases.grant(tenant)
    tenant.save()
    here = tenant.server
    yield tenant
    for server in (here, second_server):
        sql = f"DROP DATABASE IF EXISTS `{tenant.db_name}`"
        moodledb.execute(server, sql)
        moodledb.execute(server, f"DROP USER IF EXISTS {tenant.db_user}@localhost")


@pytest.fixture
def known(tenant: Tenant) -> Tenant:
    """Return a site that names itself in its texts and among its MNet hosts."""
    old = tenant.wwwroot
    for sql in (
        f"INSERT INTO {moodledb.table(tenant, 'mnet_host')} (wwwroot) VALUES ('{old}')",
        f"UPDATE {moodledb.table(tenant, 'course')} SET summary = '{old}/x'",
    ):
        moodledb.execute(tenant.server, sql)
    return tenant


@pytest.fixture
def owner(add_tenant: AddTenant, server):
    """Return a tenant with an account of its own."""
    name = f"vm_{os.getpid()}"
    made = add_tenant("one", db_user=name, db_password="pass", install=False)
    databases.create_account(made)
    databases.grant(made)
    moodledb.execute(server, f"CREATE TABLE {moodledb.table(made, 'config')} (id int)")
    yield made
    moodledb.execute(server, "DROP USER IF EXISTS %s@'localhost'", [name])
