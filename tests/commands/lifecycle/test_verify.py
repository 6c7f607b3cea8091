from pathlib import Path

import pytest

from tenants.backup import snapshots
from tenants.models import Snapshot, Tenant
from tests.conftest import AddTenant, RunOf
from tests.steps import end

POOL = "filedir/da/39/da39a3ee5e6b4b0d3255bfef95601890afd80709"


@pytest.fixture
def kept(tenant: Tenant) -> Snapshot:
    stored = Path(tenant.data_path, POOL)
    stored.parent.mkdir(parents=True)
    stored.touch()
    return end(snapshots.take(tenant))


def test_all_snapshots_of_a_tenant_are_compared(
    finished: RunOf, tenant: Tenant, kept: Snapshot, add_tenant: AddTenant
):
    other = add_tenant("two", install=False)
    newer = end(snapshots.take(tenant))

    jobs = {
        j.tenant: j for j in finished("lifecycle/Verify", [tenant, other]).jobs.all()
    }

    assert jobs[tenant].result == {"intact": [newer.name, kept.name]}
    assert jobs[other].error == "it has no such snapshot"


@pytest.mark.parametrize("what", ["dump", "file"])
def test_damage_is_found(finished: RunOf, tenant: Tenant, kept: Snapshot, what: str):
    path = kept.path / "files" / POOL
    if what == "dump":
        path = next((kept.path / "database").iterdir())
    path.unlink()
    path.write_bytes(b"x")

    job = finished("lifecycle/Verify", [tenant], f"snapshot={kept.name}").jobs.get()

    assert job.state == "failed"
    assert ("checksum" if what == "dump" else "data files of") in job.error
