"""What is wrong with the tables of MNet on a site, and the statements that mend it."""

from collections.abc import Iterator

from tenants import moodledb
from tenants.models import Tenant
from tenants.moodledb import Part

# What must be there once, and the columns elsewhere that name it.
ONCE = {
    "mnet_service": (
        ("name",),
        {
            "mnet_service2rpc": "serviceid",
            "mnet_remote_service2rpc": "serviceid",
            "mnet_host2service": "serviceid",
        },
    ),
    "mnet_rpc": (("functionname", "xmlrpcpath"), {"mnet_service2rpc": "rpcid"}),
    "mnet_remote_rpc": (
        ("functionname", "xmlrpcpath"),
        {"mnet_remote_service2rpc": "rpcid"},
    ),
}
# Columns that name a row of another table.
NAMES = [
    ("mnet_service2rpc", "serviceid", "mnet_service"),
    ("mnet_service2rpc", "rpcid", "mnet_rpc"),
    ("mnet_remote_service2rpc", "serviceid", "mnet_service"),
    ("mnet_remote_service2rpc", "rpcid", "mnet_remote_rpc"),
    ("mnet_host2service", "serviceid", "mnet_service"),
    ("mnet_host2service", "hostid", "mnet_host"),
]


def faults(tenant: Tenant) -> dict[str, int]:
    """Return how many rows of each table are too many, by what is wrong with them."""
    asked = {
        f"{table}: there twice": f"COUNT(*) FROM {_twice(tenant, table)}"
        for table in ONCE
    } | {
        f"{table}: of no {other}": f"COUNT(*) FROM {moodledb.table(tenant, table)}"
        f" WHERE {_orphan(tenant, column, other)}"
        for table, column, other in NAMES
    }
    columns = ", ".join(f"(SELECT {sql})" for sql in asked.values())
    [numbers] = moodledb.query(tenant.server, f"SELECT {columns}")
    return {what: n for what, n in zip(asked, numbers, strict=True) if n}


def _twice(tenant: Tenant, table: str) -> str:
    """Return SQL for (id, first): of each row that is there again, and of its first."""
    name, columns = moodledb.table(tenant, table), ", ".join(ONCE[table][0])
    return (
        f"(SELECT a.id, b.first FROM {name} a JOIN (SELECT MIN(id) AS first,"  # noqa: S608
        f" {columns} FROM {name} GROUP BY {columns}) b USING ({columns})"
        " WHERE a.id > b.first) again"
    )


def _orphan(tenant: Tenant, column: str, other: str) -> str:
    return f"{column} NOT IN (SELECT id FROM {moodledb.table(tenant, other)})"  # noqa: S608


def mending(tenant: Tenant) -> Iterator[Part]:
    """Yield what merges the rows that are there twice, and removes those of nothing."""
    for table, (columns, users) in ONCE.items():
        for user, column in users.items():
            using = moodledb.table(tenant, user)
            yield (
                # A row that would be there twice is left for the last statements.
                f"UPDATE IGNORE {using} u JOIN {_twice(tenant, table)}"  # noqa: S608
                f" ON again.id = u.{column} SET u.{column} = again.first",
                (),
            )
        name = moodledb.table(tenant, table)
        yield (
            f"DELETE FROM {name} WHERE id NOT IN (SELECT first FROM (SELECT"  # noqa: S608
            f" MIN(id) AS first FROM {name} GROUP BY {', '.join(columns)}) kept)",
            (),
        )
    for table, column, other in NAMES:
        yield (
            f"DELETE FROM {moodledb.table(tenant, table)}"  # noqa: S608
            f" WHERE {_orphan(tenant, column, other)}",
            (),
        )
