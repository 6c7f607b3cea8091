"""Look at the sites now and then, so that lists tell what is and not what was."""

import re
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone

from commands import host, queue
from commands.models import Cluster
from commands.upgrade.status import statuses
from commands.upkeep import mnetkeys
from tenants import moodledb
from tenants.models import Release, Tenant
from tenants.php import PhpError

LONGEST_GAP = 2**31 - 1  # seconds: the column holds no more
_due = 0.0  # of this process's clock


def enqueue_look() -> None:
    """Enqueue a look at the fleet when one is due; called by control clusters."""
    global _due
    if time.monotonic() >= _due and is_first():
        _due = time.monotonic() + settings.VMOODLE_WATCH_SECONDS
        queue.enqueue_control(look)


def is_first() -> bool:
    """Whether no control cluster lives that has been there for longer than this one."""
    since = timezone.now() - timedelta(seconds=30)
    lives = Cluster.objects.filter(queue=queue.CONTROL, heartbeat_at__gt=since)
    first = lives.order_by("pk").first()
    return first is None or first.worker == host.this_process()


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
    mnetkeys.look(tenants)
    return len(tenants) - len(note_crons(tenants))


def note_crons(tenants: Sequence[Tenant]) -> dict[int, str]:
    """Take over when crons last began; return, by pk, why that is not known."""
    rows = moodledb.config(
        tenants, ["lastcronstart", "lastcroninterval"], plugin="tool_task"
    )
    seen, unknown = [], {}
    for tenant in tenants:
        config = rows[tenant.pk]
        if isinstance(config, moodledb.MoodleDbError):
            unknown[tenant.pk] = str(config)
        elif note_cron(tenant, config):
            seen.append(tenant)
        else:
            unknown[tenant.pk] = "cron has never run"
    Tenant.objects.bulk_update(seen, ["last_cron", "last_cron_gap"], batch_size=200)
    return unknown


def note_cron(tenant: Tenant, config: moodledb.Config) -> bool:
    """Take over when cron last began, and the larger of its last gap and this one."""
    started, interval = (
        _seconds(config.get(name)) for name in ("lastcronstart", "lastcroninterval")
    )
    if not started:
        return False
    tenant.last_cron = datetime.fromtimestamp(started, UTC)
    since = int((timezone.now() - tenant.last_cron).total_seconds())
    tenant.last_cron_gap = min(max(since, interval, 0), LONGEST_GAP)
    return True


def _seconds(text: str | None) -> int:
    """Return the number, 0 for what can be none: a site may store anything."""
    text = text or ""
    return int(text) if re.fullmatch(r"\d{1,10}", text, re.ASCII) else 0
