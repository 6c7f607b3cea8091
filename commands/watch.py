"""Look at the sites now and then, so that lists tell what is and not what was."""

import time
from datetime import UTC, datetime

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone

from commands import queue
from commands.upgrade.status import statuses
from tenants import moodledb
from tenants.models import Release, Tenant
from tenants.php import PhpError

_due = 0.0  # of this process's clock


def enqueue_look() -> None:
    """Enqueue a look at the fleet when one is due; called by the control cluster."""
    global _due
    if time.monotonic() >= _due:
        _due = time.monotonic() + settings.VMOODLE_WATCH_SECONDS
        queue.enqueue_control(look)


def look() -> int:
    """Note what each enabled site is, and its cron; return how many were seen.

    By SQL, a statement for some fifty sites. A tree or a server that cannot be
    read leaves what was known.
    """
    for release in Release.objects.filter(tenant__enabled=True).distinct():
        try:
            release.refresh()
        except (PhpError, ValidationError):
            continue
    tenants = list(Tenant.objects.enabled().with_edges())
    statuses(tenants)
    rows = moodledb.config(
        tenants, ["lastcronstart", "lastcroninterval"], plugin="tool_task"
    )
    seen = []
    for tenant in tenants:
        config = rows[tenant.pk]
        if not isinstance(config, moodledb.MoodleDbError) and note_cron(tenant, config):
            seen.append(tenant)
    Tenant.objects.bulk_update(seen, ["last_cron", "last_cron_gap"], batch_size=200)
    return len(seen)


def note_cron(tenant: Tenant, config: moodledb.Config) -> bool:
    """Take over when cron last began, and the larger of its last gap and this one."""
    started = config.get("lastcronstart") or ""
    if not started.isdigit():
        return False
    interval = config.get("lastcroninterval") or "0"
    tenant.last_cron = datetime.fromtimestamp(int(started), UTC)
    since = int((timezone.now() - tenant.last_cron).total_seconds())
    tenant.last_cron_gap = max(since, int(interval) if interval.isdigit() else 0, 0)
    return True
