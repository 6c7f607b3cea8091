"""Whether the crons of sites are late: what `cronmonitor` and `vcronmonitor` tell."""

import sys
from argparse import ArgumentParser
from collections.abc import Sequence

from django.core.management.base import BaseCommand
from django.utils import timezone
from django.utils.timesince import timesince

from commands.upkeep.watch import note_crons
from commands.validation import kept
from tenants import files, moodledb
from tenants.files import FilesError
from tenants.models import Tenant

LATE = 3600  # seconds


def add_limit(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--max-gap",
        type=int,
        default=LATE,
        metavar="SECONDS",
        help=f"A cron is late when its last run is longer ago (default {LATE}).",
    )


def report(command: BaseCommand, tenants: Sequence[Tenant], limit: int) -> None:
    """Print a line for each tenant, the problems first; exit 1 if there are any."""
    faults = cron_faults(tenants, limit)
    for tenant in sorted(tenants, key=lambda tenant: tenant.pk not in faults):
        fault = faults.get(tenant.pk)
        state, told = ("problem", fault) if fault else ("ok", _last(tenant))
        command.stdout.write(f"{state:9} {tenant.wwwroot}: {told}")
    if faults:
        sys.exit(1)


def cron_faults(tenants: Sequence[Tenant], limit: int) -> dict[int, str]:
    """Return, by pk, what is wrong with the crons of tenants, as their databases say.

    `limit`: how many seconds the last run may be ago.
    """
    faults = note_crons(tenants)
    now = timezone.now()
    for tenant in tenants:
        since = (now - tenant.last_cron).total_seconds() if tenant.last_cron else 0
        if tenant.pk not in faults and since > limit:
            faults[tenant.pk] = _last(tenant)
    found = moodledb.config([t for t in tenants if t.pk in faults], ["cron_enabled"])
    for tenant in tenants:
        if tenant.pk in faults and (reason := _reason(tenant, found[tenant.pk])):
            faults[tenant.pk] += f"; {reason}"
    return faults


def _last(tenant: Tenant) -> str:
    assert tenant.last_cron
    with kept():  # as the sentence is
        ago = timesince(tenant.last_cron).replace("\xa0", " ")
    return f"cron last ran {ago} ago"


def _reason(tenant: Tenant, config: moodledb.Config | moodledb.MoodleDbError) -> str:
    """Return what keeps the site's cron from running, if that is known."""
    if isinstance(config, moodledb.MoodleDbError):
        return ""
    if config.get("cron_enabled") == "0":
        return "cron is disabled on the site"
    try:
        closed = files.in_maintenance(tenant)
    except FilesError as error:
        return str(error)
    if closed:
        return "the site is in maintenance"
    return "an upgrade is pending" if tenant.up_to_date is False else ""
