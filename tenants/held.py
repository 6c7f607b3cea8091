"""Where a tenant is stays as it is while a job is at work on it.

A job reads that once, when it is claimed, and works there to its end. So whoever
changes it asks here first, in the transaction that changes it.
"""

from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext as _

from tenants.models import DatabaseServer, Journal, Release, Tenant

MOVE = "move"  # as a journal calls the work


def let_none_begin() -> None:
    """Let no job be claimed until the transaction ends: a claim locks the same rows."""
    list(DatabaseServer.objects.select_for_update().values_list("pk"))


def refusal(tenants: QuerySet[Tenant]) -> str:
    """Return which job is at work on one of the tenants, and what to do; "" if none."""
    held = tenants.exclude(held_by=None).order_by("pk").distinct()
    first = held.first()
    if first is None:
        return ""
    # Of the app above us; its row may be gone, when somebody has tidied.
    job = first.jobs.filter(pk=first.held_by or 0).first()
    named = _("Job %(job)s of run %(run)s") if job else _("Job %(job)s")
    said = _("%(job)s is at work on %(tenant)s: wait for its end, or cancel it")
    if more := held.count() - 1:
        said = _(
            "%(job)s is at work on %(tenant)s, and others on %(more)s more: wait for"
            " their ends, or cancel them"
        )
    names = {"job": first.held_by, "run": job.run_id if job else ""}
    return said % {"job": named % names, "tenant": first, "more": more}


def on_server(server: DatabaseServer) -> QuerySet[Tenant]:
    """Return the tenants that are on the server, or on their way to it or from it."""
    moves = Journal.objects.filter(work=MOVE).select_related("tenant")
    moving = [one.tenant_id for one in moves if server.pk in one.plan["servers"]]
    return Tenant.objects.filter(Q(server=server) | Q(pk__in=moving))


def on_release(release: Release) -> QuerySet[Tenant]:
    """Return the tenants that are on the release, or that a job may pin to it.

    Which one an upgrade goes back to, if it fails, only its own process knows.
    """
    upgrades = Q(jobs__pk=F("held_by"), jobs__run__attributes__contains="to_release=")
    return Tenant.objects.filter(Q(release=release) | upgrades)


def kept(tenants: QuerySet[Tenant]) -> list[str]:
    """Return why these tenants cannot be deleted from the registry, each with why."""
    found = [
        refusal(Tenant.objects.filter(pk=tenant.pk))
        for tenant in tenants.exclude(held_by=None)
    ]
    # With its journal would go what tells how to undo it.
    half = Journal.objects.filter(tenant__in=tenants.filter(held_by=None))
    return found + [
        _(
            "The %(work)s of %(tenant)s has not ended: wait for it, or run manage.py"
            " doctor --fix"
        )
        % {"work": one.work, "tenant": one.tenant}
        for one in half.select_related("tenant")
    ]
