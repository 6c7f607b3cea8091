"""What is past its time goes by itself, and nothing else."""

from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from commands import host
from commands.models import Cluster, Job, Output, Run
from commands.queue import CONTROL
from commands.upkeep import tidy
from tenants.backup import snapshots
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
    assert again.out.splitlines()[-1] == "4 snapshots and 0 runs deleted"
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


def test_runs_go_by_age_but_for_those_that_are_still_asked_for(
    manage: Manage, rows, settings
):
    settings.VMOODLE_RUN_DAYS = 90
    [tenant] = rows(1)

    def ran(days: int, command: str = "generic/PurgeCaches", **fields) -> Job:
        at = ago(days)
        values = {"state": Run.State.FINISHED, "finished_at": at} | fields
        run = Run.objects.create(command=command, **values)
        job = Job.objects.create(run=run, tenant=tenant, state=Job.State.SUCCEEDED)
        job.output.create(seq=1, text="printed")
        return job

    last, *past = [ran(days) for days in (400, 300, 200, 100, 99, 98)]
    tenant.last_job = last.pk
    tenant.save()
    ran(500, "upgrade/Upgrade")
    ran(500, state=Run.State.RUNNING, finished_at=None)
    gone = {job.run for job in past[:2]}
    former = set(Run.objects.all())

    said = manage("tidy", "--dry-run")
    assert set(Run.objects.all()) == former
    tidy.tidy()

    assert former - set(Run.objects.all()) == gone
    assert Job.objects.count() == Output.objects.count() == len(former) - 2
    assert said.out.splitlines() == [
        f"run {run} of {run.finished_at:%Y-%m-%d} is past its time"
        for run in sorted(gone, key=lambda run: run.pk)
    ]


def test_runs_stay_for_ever_unless_a_time_is_set(manage: Manage):
    for _run in range(5):
        Run.objects.create(state=Run.State.FINISHED, finished_at=ago(9999))

    said = manage("tidy")

    assert said.out == "0 snapshots and 0 runs deleted\n"
    assert Run.objects.count() == 5


def test_one_control_cluster_tidies_once_a_day(monkeypatch):
    monkeypatch.setattr(tidy, "_due", 0.0)
    for worker in (host.this_process(), "elsewhere:1:1"):
        Cluster.objects.create(
            queue=CONTROL, worker=worker, heartbeat_at=timezone.now()
        )

    tidy.enqueue_tidying()
    tidy.enqueue_tidying()

    assert OrmQ.objects.count() == 1
    assert OrmQ.objects.get().func() == "commands.upkeep.tidy.tidy"
