"""What is past its time goes, once a day: old snapshots, tenants deleted long ago."""

import time
from collections.abc import Iterator

from commands import queue
from commands.models import Job, Run
from commands.watch import is_first
from tenants import destroy, snapshots
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


def plan() -> Iterator[str]:
    """Yield in words what a tidying would do."""
    for snapshot in snapshots.all_expired():
        yield f"snapshot {snapshot} of {snapshot.wwwroot} is past its time"
    for tenant in tenants_to_end():
        yield f"{tenant} was deleted on {tenant.deleted_at:%Y-%m-%d}: its end is due"
