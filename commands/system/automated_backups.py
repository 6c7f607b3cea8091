from collections.abc import Sequence

from commands.base import CommandFailed, Json, register
from commands.proven import ProvenScript
from tenants import moodledb
from tenants.models import Tenant

DONE = "Automated cron backups completed correctly"
STATUSES = {
    0: "failed",
    1: "ok",
    2: "unfinished",
    3: "skipped",
    4: "with warnings",
    5: "not yet run",
    6: "queued",
}


@register
class AutomatedBackups(ProvenScript):
    """Queue the automated backups of the site's courses whose time has come.

    They are made by the site's next cron. A site whose automated backups are switched
    off is skipped; one where they are "manual" has them by this command only. The
    result counts the courses by the state of their backup.
    """

    script = "admin/cli/automated_backups.php"
    heeds = rf"^Checking automated backup status\.\.\.|^{DONE}"

    def skips(self, tenants: Sequence[Tenant]) -> dict[int, str]:
        found = moodledb.config(tenants, ["backup_auto_active"], plugin="backup")
        return {
            pk: "automated backups are switched off on the site"
            for pk, config in found.items()
            if not isinstance(config, moodledb.MoodleDbError)
            and config.get("backup_auto_active", "0") == "0"
        }

    def prove(self, tenant: Tenant, code: int) -> Json:
        if DONE not in self.heard:
            raise CommandFailed("the script ended before it had queued the backups")
        if "Checking automated backup status...OK" not in self.heard:
            raise CommandFailed(
                "another process is queueing the site's automated backups: wait for it"
            )
        table = moodledb.table(tenant, "backup_courses")
        sql = f"SELECT laststatus, COUNT(*) FROM {table} GROUP BY laststatus"  # noqa: S608
        rows = sorted(moodledb.query(tenant.server, sql))
        counts = {STATUSES.get(int(status), str(status)): n for status, n in rows}
        return {"courses": counts}
