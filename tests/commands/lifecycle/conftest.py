"""What the agent does in a new site is left out; tests/demo has it."""

import os
from collections.abc import Iterator

import pytest

from tenants import agent, moodledb, provision, snapshots
from tenants.forms import NewTenantForm
from tenants.models import Snapshot, Tenant
from tests.commands.upgrade.conftest import visitor  # noqa: F401 - a fixture
from tests.leftovers import dropped
from tests.steps import end

NEW = {"wwwroot": "https://new.example.org", "name": "New School", "shortname": "new"}


@pytest.fixture
def settled(monkeypatch, server, settings) -> Iterator[list[tuple[str, dict]]]:
    """Return what the agent was asked for, by operation; drop what was made."""
    asked: list[tuple[str, dict]] = []

    def ask(tenant, operation, given, **_job):
        asked.append((operation, dict(given)))
        yield None
        return {"wwwroot": tenant.wwwroot}

    monkeypatch.setattr(agent, "ask", ask)
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
