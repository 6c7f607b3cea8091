"""Which tenants have something due for their cron: a few statements per server.

That a task's row is due proves little: those of plugins that are switched off stay due
for ever, and some twenty are due every minute. So a row counts if it became due after
the last pass that came to its end; rows of every minute count where somebody is about;
and a tenant without any of it has its turn after `SAFETY` all the same.
"""

import time
from collections.abc import Sequence
from datetime import timedelta

from django.utils import timezone

from commands.models import CronPass, Job, Run
from tenants import files, moodledb
from tenants.files import FilesError
from tenants.models import Tenant

SAFETY = 900  # seconds: the longest gap of a tenant with nothing to do
AGAIN = 300  # seconds to wait after a pass that came to no end
ACTIVE = 900  # seconds since somebody's last page
KEPT = timedelta(days=1)  # runs of fleet cron
MINUTELY = "minute = '*' AND hour = '*' AND day = '*' AND month = '*'"
Due = dict[int, str]  # why, by pk of the tenant


class Unasked(str):
    """Why a site's database could not be asked."""


def due(tenants: Sequence[Tenant]) -> tuple[Due, Due]:
    """Return why tenants' crons shall run now, and why others cannot."""
    passes = CronPass.objects.in_bulk([tenant.pk for tenant in tenants])
    now = int(time.time())
    found = moodledb.each(
        tenants, lambda tenant: [_asked(tenant, passes.get(tenant.pk), now)]
    )
    wanted, barred = {}, {}
    for tenant in tenants:
        rows = found[tenant.pk]
        if bar := _bar(tenant, rows, now):
            barred[tenant.pk] = bar
            continue
        assert not isinstance(rows, moodledb.MoodleDbError)
        if reason := _reason(passes.get(tenant.pk), rows[0][:4], now):
            wanted[tenant.pk] = reason
    return wanted, barred


def _asked(tenant: Tenant, known: CronPass | None, now: int) -> moodledb.Part:
    """Return the SELECT of one row that tells all of a site."""
    tables = ("task_adhoc", "task_scheduled", "user", "config")
    adhoc, scheduled, user, config = (moodledb.table(tenant, name) for name in tables)
    branch = tenant.release.branch
    # Since Moodle 4.4 an ad-hoc task is given up after some attempts.
    limited = branch.isdecimal() and int(branch) >= 404
    tries = " AND COALESCE(attemptsavailable, 1) > 0" if limited else ""
    fresh = "disabled = 0 AND nextruntime BETWEEN %s AND %s"
    counts = [
        f"(SELECT COUNT(*) FROM {adhoc} WHERE nextruntime < %s"  # noqa: S608
        f" AND timestarted IS NULL{tries})",
        f"(SELECT COUNT(*) FROM {scheduled} WHERE {fresh}"  # noqa: S608
        f" AND NOT ({MINUTELY} AND dayofweek = '*'))",
        f"(SELECT COUNT(*) FROM {scheduled} WHERE {fresh}"  # noqa: S608
        f" AND {MINUTELY} AND dayofweek = '*')",
        f"EXISTS (SELECT 1 FROM {user} WHERE lastaccess > %s)",  # noqa: S608
    ]
    settings = [
        f"(SELECT {moodledb.utf8('MAX(value)')} FROM {config} WHERE name = '{name}')"  # noqa: S608
        for name in ("cron_enabled", "allversionshash", "upgraderunning")
    ]
    last = int(known.completed_at.timestamp()) if known and known.completed_at else 0
    values = [now, last, now - 1, last, now - 1, now - ACTIVE]
    return ", ".join([*counts, *settings]), values


def _bar(tenant: Tenant, rows: moodledb.Rows | moodledb.MoodleDbError, now: int) -> str:
    """Return what keeps a site's cron from running, "" if nothing does."""
    if isinstance(rows, moodledb.MoodleDbError):
        return Unasked(rows)
    enabled, versions, upgrading = rows[0][4:]
    if tenant.attention:
        return f"it needs attention: {tenant.attention}"
    if enabled == "0":
        return "cron is disabled on the site"
    if (upgrading or "").isdecimal() and int(upgrading) > now:
        return "the site is being upgraded"
    if (wanted := tenant.release.versions_hash) and versions != wanted:
        return "an upgrade is pending"
    try:
        return "the site is in maintenance" if files.in_maintenance(tenant) else ""
    except FilesError as error:
        return str(error)


def _reason(known: CronPass | None, counts: Sequence[int], now: int) -> str:
    """Return why a cron shall run now, "" if it need not."""
    adhoc, other, minutely, active = counts
    completed = known.completed_at if known else None
    last = completed.timestamp() if completed else 0.0
    if known and known.tried_at.timestamp() > max(last, now - AGAIN):
        return ""
    if adhoc:
        return f"{adhoc} ad-hoc tasks are due"
    if other:
        return f"{other} scheduled tasks are due"
    if minutely and active:
        return "somebody is about"
    return "its turn has come" if now - last >= SAFETY else ""


def at_work(tenants: Sequence[Tenant]) -> set[int]:
    """Return the pks of tenants whose cron waits for a worker, or runs, by us."""
    jobs = Job.objects.filter(state__in=Job.OPEN, run__command="system/Cron")
    found = jobs.filter(tenant__in=tenants).values_list("tenant_id", flat=True)
    return {pk for pk in found if pk}


def forget_old_runs() -> None:
    """Delete the runs of fleet cron that ended some time ago."""
    old = Run.objects.filter(origin=Run.FLEET_CRON, state=Run.State.FINISHED)
    old.filter(finished_at__lt=timezone.now() - KEPT).delete()
