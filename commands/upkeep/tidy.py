"""What is past its time goes, once a day: snapshots, deleted tenants, old runs."""

import time
from collections.abc import Iterator
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from commands import queue
from commands.models import Job, Run
from commands.models.run import PAST
from commands.upkeep.watch import is_first
from tenants.backup import snapshots
from tenants.lifecycle import destroy
from tenants.models import Tenant

EVERY = 24 * 3600.0  # seconds
SCHEDULE = "schedule"  # who gives the command, and from where
_due = 0.0  # of this process's clock


def enqueue_tidying() -> None:
    """Enqueue a tidying when one is due; called by control clusters."""
    global _due
    if time.monotonic() >= _due and is_first():
        _due = time.monotonic() + EVERY
        queue.enqueue_control(tidy)


def tidy() -> None:
    snapshots.expire()
    forget(runs_to_forget())
    end(tenants_to_end(), SCHEDULE)


def tenants_to_end() -> list[Tenant]:
    """Return the tenants whose end is due, and that no job will end already."""
    open_jobs = Job.objects.filter(state__in=Job.OPEN, run__command="lifecycle/Destroy")
    busy = set(open_jobs.values_list("tenant_id", flat=True))
    return [tenant for tenant in destroy.due() if tenant.pk not in busy]


def end(tenants: list[Tenant], actor: str) -> Run | None:
    """Start the run that ends these tenants, through the workers."""
    if not tenants:
        return None
    run = Run.objects.create(
        command="lifecycle/Destroy",
        attributes="now=1&only_deleted=1",  # some may be brought back meanwhile
        targets=[tenant.pk for tenant in tenants],
        actor=actor,
        origin=SCHEDULE,
    )
    run.start()
    return run


def runs_to_forget() -> list[Run]:
    """Return the runs that ended too long ago, the oldest first.

    None of a command's newest, from which the next start learns how long jobs take,
    and none with the last job of a tenant, to which its row in the list leads.
    """
    if not settings.VMOODLE_RUN_DAYS:
        return []
    finished = Run.objects.filter(state=Run.State.FINISHED)
    before = timezone.now() - timedelta(days=settings.VMOODLE_RUN_DAYS)
    old = finished.filter(finished_at__lt=before).order_by("pk")
    last = Tenant.objects.exclude(last_job=None).values("last_job")
    shown = Job.objects.filter(pk__in=last).values("run_id")
    newest = [
        pk
        for name in set(old.values_list("command", flat=True))
        for pk in finished.filter(command=name).values_list("pk", flat=True)[:PAST]
    ]
    return list(old.exclude(pk__in=shown).exclude(pk__in=newest))


def forget(runs: list[Run]) -> None:
    """Delete runs with their jobs and output: one at a time, so that nobody waits."""
    for run in runs:
        run.delete()


def plan() -> Iterator[str]:
    """Yield in words what a tidying would do."""
    for snapshot in snapshots.all_expired():
        yield f"snapshot {snapshot} of {snapshot.wwwroot} is past its time"
    for run in runs_to_forget():
        yield f"run {run} of {run.finished_at:%Y-%m-%d} is past its time"
    for tenant in tenants_to_end():
        yield f"{tenant} was deleted on {tenant.deleted_at:%Y-%m-%d}: its end is due"
