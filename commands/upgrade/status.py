"""What the database of a site says of its upgrade: one statement for many sites."""

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation

from django.db.models import Q, TextChoices
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from commands.patience import DOWN
from tenants import moodledb
from tenants.models import Tenant

NAMES = ("version", "release", "allversionshash", "upgraderunning")


class Status(TextChoices):
    CURRENT = "current", _("Up to date")
    PENDING = "pending", _("Upgrade pending")
    PARTIAL = "partial", _("Upgrade not finished, or plugins pending")
    RUNNING = "running", _("Upgrade running, or killed a moment ago")
    NEWER = "newer", _("Newer than its code")
    EMPTY = "empty", _("Not installed")
    UNKNOWN = "unknown", _("Not readable")


@dataclass(frozen=True)
class SiteStatus:
    """Where a site stands against the code of its release."""

    status: Status
    version: str = ""
    release: str = ""
    problem: str = ""


def statuses(tenants: Sequence[Tenant]) -> dict[int, SiteStatus]:
    """Return each tenant's status by pk, and note in the registry what was seen."""
    found: dict[int, SiteStatus] = {}
    asked = timezone.now()
    rows = moodledb.config(tenants, NAMES)
    for tenant in tenants:
        config = rows[tenant.pk]
        if isinstance(config, moodledb.MoodleDbError):
            found[tenant.pk] = SiteStatus(Status.UNKNOWN, problem=str(config))
        else:
            found[tenant.pk] = _judge(tenant, config)
            _note(tenant, config, asked)
    seen = [t for t in tenants if found[t.pk].status != Status.UNKNOWN]
    # Whoever asked later, such as an upgrade that has ended meanwhile, knows better.
    older = Tenant.objects.filter(Q(seen_at=None) | Q(seen_at__lt=asked))
    with suppress(*DOWN):  # only what lists show: an upgrade need not fail over it
        older.bulk_update(
            seen, ["seen_at", "seen_version", "seen_hash"], batch_size=200
        )
    return found


def _judge(tenant: Tenant, config: moodledb.Config) -> SiteStatus:
    """Apply the table of states: only allversionshash proves a finished upgrade.

    `version` and `release` are the new ones as soon as the core is done, or when
    the upgrade was killed after it.
    """
    version = config.get("version", "")
    if not version:
        status = Status.EMPTY
    elif config.get("allversionshash") == tenant.release.versions_hash:
        status = Status.CURRENT
    elif int(config.get("upgraderunning") or 0) > time.time():
        status = Status.RUNNING
    elif _number(version) > _number(tenant.release.version):
        status = Status.NEWER
    elif _number(version) == _number(tenant.release.version):
        status = Status.PARTIAL
    else:
        status = Status.PENDING
    return SiteStatus(status, version, config.get("release", ""))


def _number(version: str) -> Decimal:
    try:
        return Decimal(version)
    except InvalidOperation:
        return Decimal(0)


def _note(tenant: Tenant, config: moodledb.Config, asked: datetime) -> None:
    tenant.seen_at = asked
    tenant.seen_version = config.get("version", "")[:20]
    tenant.seen_hash = config.get("allversionshash", "")[:40]


def refresh_releases(tenants: Sequence[Tenant]) -> None:
    """Read the code trees of these tenants anew: they may have been updated."""
    releases = {tenant.release_id: tenant.release for tenant in tenants}
    for release in releases.values():
        release.refresh()
    for tenant in tenants:
        tenant.release = releases[tenant.release_id]
