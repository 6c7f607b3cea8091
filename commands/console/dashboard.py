"""What the first page tells: how the fleet is, and what goes on."""

from typing import Any

from django.db.models import Count, Q
from django.utils.translation import gettext_lazy as _

from commands.models import Cluster, Run
from commands.queue import CONTROL, JOBS
from tenants.models import Release, Tenant, pending

RECENT = 10  # runs


def dashboard() -> dict[str, Any]:
    """Return the context of the first page; a constant number of queries."""
    runs = Run.objects.exclude(state=Run.State.DRAFT)
    return {
        "figures": figures(),
        "releases": Release.objects.annotate(
            tenants=Count("tenant"),
            pending=Count("tenant", filter=pending("tenant__", "")),
        ),
        "running": runs.filter(state=Run.State.RUNNING)[:RECENT],
        "recent": runs.filter(state=Run.State.FINISHED)[:RECENT],
        "idle_queues": [
            name
            for name, queue in (("control", CONTROL), ("jobs", JOBS))
            if not Cluster.alive(queue)
        ],
    }


def figures() -> list[tuple[str, int, str, str]]:
    """Return (label, number of tenants, badge, filter of the tenant list)."""
    kinds = {
        "enabled": (_("Enabled"), Q(enabled=True), "succeeded", "enabled__exact=1"),
        "pending": (_("Upgrade pending"), pending(), "queued", "upgrade=pending"),
        "busy": (_("Busy"), Q(held_by__isnull=False), "running", "needs=busy"),
        "bad": (_("Need attention"), ~Q(attention=""), "failed", "needs=yes"),
        "off": (_("Disabled"), Q(enabled=False), "skipped", "enabled__exact=0"),
    }
    counts = Tenant.objects.aggregate(
        **{f"n_{name}": Count("pk", filter=kind[1]) for name, kind in kinds.items()}
    )
    return [
        (str(label), counts[f"n_{name}"], badge, query)
        for name, (label, _which, badge, query) in kinds.items()
    ]
