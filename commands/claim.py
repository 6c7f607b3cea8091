"""Which job may start now: the limits, the waves and the locks, in one query."""

from collections import Counter

from django.db import transaction
from django.db.models import F, Q, QuerySet

from commands.models import Job, Run
from tenants.models import DatabaseServer


def claim_next(run_id: int, worker: str) -> Job | None:
    """Claim the next job of a run that may start now; None if there is none.

    Within the limits of the run and of each database server, and never two
    exclusive jobs on one tenant.
    """
    with transaction.atomic():
        # Locking the few server rows makes the limits exact; SQLite's
        # immediate transaction does so anyway.
        limits = dict(
            DatabaseServer.objects.select_for_update()
            .order_by("pk")
            .values_list("pk", "job_limit")
        )
        running = Job.objects.filter(state=Job.State.RUNNING)
        pairs = list(running.values_list("run_id", "tenant__server_id"))
        busy = Counter(server for _run, server in pairs)
        full = [server for server, limit in limits.items() if busy[server] >= limit]
        job = _startable(run_id, full).order_by("position").first()
        if job is None or [run for run, _s in pairs].count(run_id) >= job.run.parallel:
            return None
        return job if job.claim(worker) else None


def _startable(run_id: int, full: list[int]) -> QuerySet[Job]:
    """Return the queued jobs whose wave is open, whose tenant and server are free."""
    return (
        Job.objects.filter(
            run_id=run_id, state=Job.State.QUEUED, run__state=Run.State.RUNNING
        )
        .filter(wave__lte=F("run__open_wave"))
        .filter(Q(tenant__held_by=None) | Q(run__exclusive=False))
        .exclude(tenant__server_id__in=full)
        .select_related("run", "tenant__server", "tenant__release")
    )
