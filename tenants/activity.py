"""Who is at work in a tenant's database just now."""

from hashlib import sha1
from typing import TYPE_CHECKING

from tenants import moodledb

if TYPE_CHECKING:
    from tenants.models import Tenant


def cron_runners(tenant: "Tenant", limit: int = 10) -> int:
    """Return how many of Moodle's task runners hold their lock just now.

    Moodle's MySQL lock factory names a lock sha1(database:prefix_cron_resource).
    """
    names = [
        f"{tenant.db_name}:{tenant.db_prefix}_cron_{kind}_task_runner_{n}"
        for kind in ("scheduled", "adhoc")
        for n in range(limit)
    ]
    # Since MySQL 9.6 there is no SHA1 in SQL.
    locks = [sha1(name.encode(), usedforsecurity=False).hexdigest() for name in names]
    parts = " + ".join(["(IS_USED_LOCK(%s) IS NOT NULL)"] * len(locks))
    return int(moodledb.query(tenant.server, f"SELECT {parts}", locks)[0][0])


def in_use(tenant: "Tenant") -> bool | None:
    """Whether anybody else has the tenant's database open; None if we may not know.

    Without the PROCESS privilege a server shows an account its own threads only.
    """
    [(may_know, others)] = moodledb.query(
        tenant.server,
        "SELECT (SELECT COUNT(*) FROM information_schema.USER_PRIVILEGES"
        " WHERE PRIVILEGE_TYPE IN ('PROCESS', 'SUPER') AND GRANTEE ="
        """ CONCAT("'", REPLACE(CURRENT_USER(), '@', "'@'"), "'")),"""
        " (SELECT COUNT(*) FROM information_schema.PROCESSLIST"
        " WHERE DB = %s AND ID <> CONNECTION_ID())",
        [tenant.db_name],
    )
    return bool(others) if may_know else None
