"""The disk is full in the middle of what is done with a tenant: all is undone."""

from pathlib import Path

import pytest

from commands.models import Job
from tenants.backup import snapshots
from tenants.models import Snapshot, Tenant
from tests.commands.lifecycle import test_move
from tests.conftest import AddTenant, RunOf
from tests.faults.conftest import assert_healthy
from tests.steps import end

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
FULL = "No space left on device"


def fill(data: str) -> Path:
    """Store what is too much for the small disk, or for it twice."""
    pack = Path(data, "lang/big")
    pack.parent.mkdir(exist_ok=True)
    pack.write_bytes(b"x" * 1_500_000)
    return pack


@pytest.mark.usefixtures("cleared")
def test_a_creation_is_undone(
    finished: RunOf,
    planned: Tenant,
    small_disk: Path,
):
    template = Snapshot.objects.get()
    for name in ("one", "two"):
        (template.path / "files" / name).write_bytes(b"x" * 1_500_000)
    Tenant.objects.filter(pk=planned.pk).update(data_path=small_disk / "new")

    job = finished("lifecycle/Create", [planned]).jobs.get()

    assert job.error.startswith("lay out the data files: ") and FULL in job.error
    assert not Tenant.objects.filter(pk=planned.pk).exists()
    assert list(small_disk.iterdir()) == []
    assert_healthy()


def test_a_restore_is_undone(finished: RunOf, add_tenant: AddTenant, small_disk: Path):
    tenant = add_tenant("one")
    data = small_disk / "one"
    data.mkdir()
    tenant.data_path = str(data)
    tenant.save()
    pack = fill(tenant.data_path)
    end(snapshots.take(tenant))
    pack.write_bytes(b"y" * 1_500_000)

    job = finished("lifecycle/Restore", [tenant], "without_safety=1").jobs.get()

    assert job.state == Job.State.FAILED
    assert FULL in job.error
    assert pack.read_bytes() == b"y" * 1_500_000
    assert list(small_disk.iterdir()) == [data]
    assert_healthy()


def test_a_move_is_undone(
    finished: RunOf,
    site: Tenant,
    small_disk: Path,
    settings,
):
    fill(site.data_path)
    (small_disk / "taken").write_bytes(b"x" * 1_000_000)
    target = small_disk / "there"

    wanted = f"to_server=db2&data_path={target}"
    job = finished("lifecycle/Move", [site], wanted).jobs.get()

    assert job.error.startswith("copy what is new in them: ") and FULL in job.error
    assert not target.exists()
    assert not test_move.is_moved(site, test_move.there(settings))
    assert_healthy()
