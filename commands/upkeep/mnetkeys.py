"""When MNet keys expire, and a run that renews them in time; part of each look."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from commands.models import Job, Run
from mnet import networks, sites
from tenants.models import Tenant

RENEW = "mnet/RenewMnetKeys"
AGAIN = timedelta(hours=6)  # after a renewal that failed


def look(tenants: Sequence[Tenant]) -> Run | None:
    """Note when keys expire, and start to renew those that soon do."""
    found = sites.read(tenants, about=[])
    changed = []
    for tenant in tenants:
        site = found[tenant.pk]
        if site.away:
            continue  # what was known is true still
        serves = site.on and not site.problem and site.expires > 0
        at = datetime.fromtimestamp(site.expires, UTC) if serves else None
        if at != tenant.mnet_expires_at:
            tenant.mnet_expires_at = at
            changed.append(tenant)
    Tenant.objects.bulk_update(changed, ["mnet_expires_at"], batch_size=200)
    return renew(due(tenants))


def due(tenants: Sequence[Tenant]) -> list[Tenant]:
    """Return those whose keys expire soon, and that nobody is renewing."""
    if not settings.VMOODLE_MNET_RENEW_HOURS:
        return []
    now = timezone.now()
    limit = now + timedelta(hours=settings.VMOODLE_MNET_RENEW_HOURS)
    soon = [
        tenant
        for tenant in tenants
        if tenant.mnet_expires_at
        and tenant.mnet_expires_at < limit
        and tenant.network != networks.OFF
    ]
    tried = Q(state__in=Job.OPEN) | Q(finished_at__gt=now - AGAIN)
    jobs = Job.objects.filter(tried, run__command=RENEW, tenant__in=soon)
    busy = set(jobs.values_list("tenant_id", flat=True))
    return [tenant for tenant in soon if tenant.pk not in busy]


def renew(tenants: Sequence[Tenant]) -> Run | None:
    """Start a run that gives them new keys."""
    if not tenants:
        return None
    run = Run.objects.create(
        command=RENEW,
        targets=[tenant.pk for tenant in tenants],
        actor="schedule",
        origin="schedule",
    )
    run.start()
    return run
