"""Tenants with a table of pupils, and a function that runs a SQL command on them."""

from collections.abc import Callable
from urllib.parse import urlencode

import pytest

from commands.models import Job
from tenants import moodledb
from tenants.models import Tenant
from tests.conftest import AddTenant, RunOf

Ask = Callable[..., Job]


@pytest.fixture
def school(add_tenant: AddTenant) -> Tenant:
    """Return a tenant whose database holds nothing but three pupils."""
    tenant = add_tenant("one", install=False)
    add_pupils(tenant)
    return tenant


def add_pupils(tenant: Tenant) -> None:
    table = moodledb.table(tenant, "pupil")
    for sql in (
        f"CREATE TABLE {table} (id INT PRIMARY KEY, name VARCHAR(50), token CHAR(9))",
        f"INSERT INTO {table} VALUES (1, 'Ann', 'x'), (2, 'Bob', 'y'), (3, 'Zoë', 'z')",
    ):
        moodledb.execute(tenant.server, sql)


def pupils(tenant: Tenant) -> list[tuple]:
    table = moodledb.table(tenant, "pupil")
    return moodledb.query(tenant.server, f"SELECT id, name FROM {table} ORDER BY id")


@pytest.fixture
def ask(finished: RunOf, school: Tenant) -> Ask:
    """Return a function that runs a command on the school and returns its job."""

    def run(command: str, **parameters: str | int) -> Job:
        return finished(command, [school], urlencode(parameters)).jobs.get()

    return run
