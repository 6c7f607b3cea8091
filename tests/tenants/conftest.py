"""What tests of new tenants have in common."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tenants import moodledb
from tenants.backup import snapshots
from tenants.models import Snapshot, Tenant
from tests.leftovers import dropped
from tests.steps import end
from tests.tenants.making import POOL, answered


@pytest.fixture
def settled(monkeypatch) -> list[tuple[str, dict]]:
    """Return what the agent was asked for, by operation."""
    return answered(monkeypatch)


@pytest.fixture
def template(tenant: Tenant) -> Snapshot:
    """Return a snapshot of a site that has a peer, a session and a stored file."""
    stored = Path(tenant.data_path, POOL)
    stored.parent.mkdir(parents=True)
    stored.touch()
    for sql in (
        f"INSERT INTO {moodledb.table(tenant, 'sessions')} (sid) VALUES ('x')",
        f"INSERT INTO {moodledb.table(tenant, 'mnet_host')} (wwwroot)"
        " VALUES ('https://one.example.org'), (''), ('https://peer.example.org')",
        f"INSERT INTO {moodledb.table(tenant, 'config')} (name, value) VALUES"
        " ('mnet_localhost_id', '1'), ('noreplyaddress', 'noreply@one.example.org'),"
        " ('link', 'see https://one.example.org/x, https://one.example.org.uk')",
    ):
        moodledb.execute(tenant.server, sql)
    return end(snapshots.take(tenant, template=True))


@pytest.fixture
def cleared(server) -> Iterator[None]:
    """Drop what a test has made."""
    yield from dropped(server)
    for name in ("vm_new", "given"):
        moodledb.execute(server, "DROP USER IF EXISTS %s@'localhost'", [name])
