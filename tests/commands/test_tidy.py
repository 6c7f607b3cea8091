"""What is past its time goes by itself, and nothing else."""

from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from commands import host, tidy
from commands.models import Cluster, Run
from commands.queue import CONTROL
from tenants import snapshots
from tenants.models import Journal, Snapshot, Tenant
from tests.commands.conftest import Manage

pytestmark = pytest.mark.django_db(transaction=True)


def ago(days: float):
    return timezone.now() - timedelta(days=days)


@pytest.fixture
def keep(settings):
    """Return a function that enters a snapshot of so many days, with a directory."""
    settings.VMOODLE_SNAPSHOT_KEEP, settings.VMOODLE_SNAPSHOT_DAYS = 3, 30

    def make(tenant: Tenant | None, days: int, name: str = "", **fields) -> Snapshot:
        short = tenant.shortname if tenant else "gone"
        values = {"reason": "asked", "created_at": ago(days)} | fields
        made = Snapshot.objects.create(
            name=f"{short}-{name or days}", tenant=tenant, wwwroot="x", **values
        )
        made.path.mkdir(parents=True)
        (made.path / "manifest.json").touch()
        return made

    return make


def names() -> set[str]:
    return set(Snapshot.objects.values_list("name", flat=True))


def test_snapshots_go_by_number_and_age(
    manage: Manage, rows, keep, django_assert_max_num_queries
):
    many, verified, busy = rows(3)
    Tenant.objects.filter(pk=busy.pk).update(held_by=7)
    for days in (1, 2, 3, 4, 5):
        keep(many, days)
    keep(many, 90, is_template=True)
    keep(many, 91, keep_until=timezone.now() + timedelta(days=1))
    keep(many, 92, reason="copy")
    for days in (40, 50, 60):
        keep(verified, days, verified_at=None if days == 40 else ago(1))
        keep(busy, days)
    keep(None, 80)
    keep(None, 100)
    keep(None, 101, is_template=True)
    keep(None, 102, keep_until=timezone.now() + timedelta(days=1))
    former = names()

    said = manage("tidy", "--dry-run")
    assert names() == former
    with django_assert_max_num_queries(60):
        again = manage("tidy")

    # The newest and the newest that is proved stay, whatever their age.
    gone = {"t0-4", "t0-5", "t1-60", "gone-100"}
    assert former - names() == gone
    assert {line.split()[1] for line in said.out.splitlines()} == gone
    assert again.out.splitlines()[-1] == "4 snapshots deleted"
    assert not Snapshot(name="t0-4").path.exists()


def test_what_is_wanted_while_others_are_deleted_stays(rows, keep, monkeypatch):
    first, busy, other = rows(3)
    for tenant in (first, busy, other):
        keep(tenant, 1)
        keep(tenant, 40)
    delete = snapshots.delete

    def slowly(snapshot: Snapshot) -> None:
        delete(snapshot)
        Tenant.objects.filter(pk=busy.pk).update(held_by=7)
        Snapshot.objects.filter(tenant=other).update(is_template=True)

    monkeypatch.setattr(snapshots, "delete", slowly)

    tidy.tidy()

    assert names() == {"t0-1", "t1-1", "t1-40", "t2-1", "t2-40"}


def test_tenants_deleted_long_ago_come_to_their_end(rows, keep, settings):
    settings.VMOODLE_PURGE_DAYS = 30
    tenants = rows(7)
    for tenant in tenants:
        Tenant.objects.filter(pk=tenant.pk).update(deleted_at=ago(31), enabled=False)
        keep(tenant, 31, reason="final")
    due, fresh, alive, unsaved, busy, half, lost = tenants
    Tenant.objects.filter(pk=fresh.pk).update(deleted_at=ago(29))
    Tenant.objects.filter(pk=alive.pk).update(deleted_at=None)
    Tenant.objects.filter(pk=busy.pk).update(held_by=7)
    Snapshot.objects.filter(tenant=unsaved).update(reason="asked")
    Journal.objects.create(tenant=half, work="restore", text="{}")
    (lost.snapshots.get().path / "manifest.json").unlink()

    tidy.tidy()
    tidy.tidy()  # the first one's job has not begun

    run = Run.objects.get()
    assert run.targets == [due.pk]
    assert run.command == "lifecycle/Destroy"
    assert run.attributes == "now=1&only_deleted=1"
    assert (run.actor, run.origin, run.state) == ("schedule", "schedule", "running")


def test_0_days_mean_never(rows, keep, settings):
    settings.VMOODLE_PURGE_DAYS = 0
    [tenant] = rows(1)
    Tenant.objects.update(deleted_at=ago(3000))
    keep(tenant, 3000, reason="final")

    tidy.tidy()

    assert not Run.objects.exists()
    assert names() == {"t0-3000"}


def test_one_control_cluster_tidies_once_a_day(monkeypatch):
    monkeypatch.setattr(tidy, "_due", 0.0)
    for worker in (host.this_process(), "elsewhere:1:1"):
        Cluster.objects.create(
            queue=CONTROL, worker=worker, heartbeat_at=timezone.now()
        )

    tidy.enqueue_tidying()
    tidy.enqueue_tidying()

    assert OrmQ.objects.count() == 1
    assert OrmQ.objects.get().func() == "commands.tidy.tidy"
