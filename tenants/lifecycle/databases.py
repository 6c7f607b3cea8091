"""Databases and accounts of tenants: make them, drop them, swap their tables.

A database that we make bears a mark in its comment; only by it one is dropped again
when what it was made for has failed. Accounts have rights on one database only.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tenants.moodledb import (
    NO_SUCH_ACCOUNT,
    MoodleDbError,
    connected,
    execute,
    query,
)

if TYPE_CHECKING:
    from tenants.models import DatabaseServer, Journal, Tenant

RIGHTS = (
    "SELECT, INSERT, UPDATE, DELETE, CREATE, CREATE TEMPORARY TABLES, DROP, INDEX, "
    "ALTER"
)
MAKE = "make the database"  # as a step of a work
MAKE_ACCOUNT = "make the account"
IS_THERE = 1007  # what a server says of a database that it shall make
HAS_ACCOUNT = 1396  # and of an account
LOCK_SECONDS = 60
STILL_SECONDS = 5


def exists(server: "DatabaseServer", name: str) -> bool:
    sql = "SELECT 1 FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = %s"
    return bool(query(server, sql, [name]))


def create(server: "DatabaseServer", name: str, mark: str) -> None:
    """Make an empty database; an error when there is one of that name already."""
    # MySQL, which has no comment on a database, skips what stands in /*M! */.
    execute(
        server,
        f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci"
        f" /*M!100500 COMMENT '{mark}' */",
    )


def make(journal: "Journal", server: "DatabaseServer", name: str) -> None:
    """Make an empty database as the step `MAKE` of a work.

    One that is there is somebody else's: where there are no marks, as on MySQL, only
    the journal tells whoever undoes the work not to drop it.
    """
    try:
        create(server, name, journal.mark)
    except MoodleDbError as error:
        if error.code == IS_THERE:
            journal.never_begun(MAKE)
        raise


def set_mark(server: "DatabaseServer", name: str, mark: str) -> None:
    """Mark a database that is there; MySQL has no marks. "" takes the mark off."""
    if is_mariadb(server):
        execute(server, f"ALTER DATABASE `{name}` COMMENT '{mark}'")


def mark_of(server: "DatabaseServer", name: str) -> str:
    """Return the mark of a database, "" when there is none, or no such database."""
    if not exists(server, name):
        return ""
    [(_name, text)] = query(server, f"SHOW CREATE DATABASE `{name}`")
    found = re.search(r"COMMENT '(.*)'", text)
    return found[1] if found else ""


def marked(server: "DatabaseServer", beginning: str) -> dict[str, str]:
    """Return the marks of all databases whose mark begins so, by name."""
    if not is_mariadb(server):
        return {}
    sql = (
        "SELECT SCHEMA_NAME, SCHEMA_COMMENT FROM information_schema.SCHEMATA"
        " WHERE SCHEMA_COMMENT LIKE %s"
    )
    return dict(query(server, sql, [f"{beginning}%"]))


def is_mariadb(server: "DatabaseServer") -> bool:
    return "MariaDB" in query(server, "SELECT VERSION()")[0][0]


def drop(server: "DatabaseServer", name: str, mark: str) -> None:
    """Drop the database if it bears the mark; no error when it is gone.

    MySQL keeps no mark: there the name has to do.
    """
    if mark_of(server, name) == mark or not is_mariadb(server):
        execute(server, f"DROP DATABASE IF EXISTS `{name}`")


def table_sizes(server: "DatabaseServer", name: str) -> dict[str, int]:
    """Return about how many bytes each table has; views are none."""
    sql = (
        "SELECT TABLE_NAME, COALESCE(DATA_LENGTH + INDEX_LENGTH, 0)"
        " FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s"
        " AND TABLE_TYPE = 'BASE TABLE' ORDER BY TABLE_NAME"
    )
    return {table: int(size) for table, size in query(server, sql, [name])}


def more_than_tables(server: "DatabaseServer", name: str) -> list[str]:
    """Return what a dump leaves out: views, sequences, routines and events."""
    found = (
        ("TABLE_NAME", "TABLES WHERE TABLE_TYPE <> 'BASE TABLE' AND TABLE_SCHEMA"),
        ("ROUTINE_NAME", "ROUTINES WHERE ROUTINE_SCHEMA"),
        ("EVENT_NAME", "EVENTS WHERE EVENT_SCHEMA"),
    )
    parts = [f"SELECT {what} FROM information_schema.{of} = %s" for what, of in found]  # noqa: S608
    return [one for (one,) in query(server, " UNION ALL ".join(parts), [name] * 3)]


@contextmanager
def standing_still(
    server: "DatabaseServer", name: str, tables: Iterable[str]
) -> Iterator[bool]:
    """Let nobody write to tables of a database; yield False if that is not to be had.

    Whoever wants to write waits behind us, so we do not wait long for those who do.
    Without autocommit the server waits for open transactions that have written.
    """
    locks = ", ".join(f"`{name}`.`{table}` READ" for table in tables)
    with connected(server) as run:
        run(f"SET lock_wait_timeout = {STILL_SECONDS}")
        run(f"SET innodb_lock_wait_timeout = {STILL_SECONDS}, innodb_table_locks = 1")
        run("SET autocommit = 0")
        run("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        try:
            run(f"LOCK TABLES {locks}")
        except MoodleDbError as error:
            if error.is_servers:
                raise
            yield False
        else:
            yield True


def drop_tables(server: "DatabaseServer", name: str, tables: Collection[str]) -> None:
    if tables:
        listed = ", ".join(f"`{name}`.`{table}`" for table in sorted(tables))
        execute(server, f"DROP TABLE IF EXISTS {listed}")


def rename_prefix(server: "DatabaseServer", name: str, old: str, new: str) -> None:
    """Give all tables of a database another prefix, in one step."""
    tables = [table for table in table_sizes(server, name) if table.startswith(old)]
    renames = ", ".join(
        f"`{name}`.`{table}` TO `{name}`.`{new}{table.removeprefix(old)}`"
        for table in tables
    )
    execute(server, f"RENAME TABLE {renames}")


def swap(server: "DatabaseServer", live: str, fresh: str, former: str) -> None:
    """Put the tables of `fresh` in place of those of `live`, which go to `former`.

    One statement: the server does all of it or nothing, even when it is killed. It goes
    on when we are: the lock makes whoever undoes it wait.
    """
    with _locked(server, live):
        moves = [(live, table, former) for table in table_sizes(server, live)]
        moves += [(fresh, table, live) for table in table_sizes(server, fresh)]
        renames = (f"`{a}`.`{table}` TO `{b}`.`{table}`" for a, table, b in moves)
        execute(server, f"RENAME TABLE {', '.join(renames)}")


@contextmanager
def _locked(server: "DatabaseServer", name: str) -> Iterator[None]:
    lock = f"vmoodle swap {name}"[:64]
    if query(server, "SELECT GET_LOCK(%s, %s)", [lock, LOCK_SECONDS]) != [(1,)]:
        raise MoodleDbError(
            f"database server {server.name}: tables of {name} change places just now"
        )
    try:
        yield
    finally:
        query(server, "SELECT RELEASE_LOCK(%s)", [lock])


def account_host(server: "DatabaseServer") -> str:
    """Return from where tenants' accounts may connect to the server."""
    return server.accounts_from or ("localhost" if server.socket else "%")


def has_account(server: "DatabaseServer", user: str) -> bool:
    sql = "SELECT 1 FROM mysql.user WHERE User = %s AND Host = %s"
    return bool(query(server, sql, [user, account_host(server)]))


def create_account(tenant: "Tenant") -> None:
    """Make the tenant's account; an error when there is one of that name."""
    host = account_host(tenant.server)
    values = [tenant.db_user, host, tenant.db_password]
    execute(tenant.server, "CREATE USER %s@%s IDENTIFIED BY %s", values)


def make_account(journal: "Journal", tenant: "Tenant") -> None:
    """Make the tenant's account as the step `MAKE_ACCOUNT` of a work.

    One that is there is somebody else's, and stays when the work is undone.
    """
    try:
        create_account(tenant)
    except MoodleDbError as error:
        if error.code == HAS_ACCOUNT:
            journal.never_begun(MAKE_ACCOUNT)
        raise


def grant(tenant: "Tenant") -> None:
    """Give the tenant's account its rights, on its own database only."""
    values = [tenant.db_user, account_host(tenant.server)]
    pattern = _as_pattern(tenant.db_name)
    execute(tenant.server, f"GRANT {RIGHTS} ON {pattern}.* TO %s@%s", values)


def end_account(tenant: "Tenant") -> bool:
    """Take away all that the tenant connects by; whether its account is gone then.

    Also from where accounts were made before the server's row said another place. One
    that other tenants use, or we ourselves, loses its rights on this database only.
    """
    shared = tenant.shares_account()
    if tenant.db_user == tenant.server.admin_user:
        return False
    own = account_host(tenant.server)
    for host in {own, *_hosts(tenant)}:
        if not shared and (host == own or _is_own(tenant, host)):
            drop_account(tenant, host)
        else:
            revoke(tenant, host)
    return not shared and not _hosts(tenant)


def _hosts(tenant: "Tenant") -> list[str]:
    """Return from where accounts of the tenant's account name may connect."""
    sql = "SELECT Host FROM mysql.user WHERE User = %s AND Host <> ''"
    rows = query(tenant.server, sql, [tenant.db_user])
    return [host if isinstance(host, str) else host.decode() for (host,) in rows]


def _is_own(tenant: "Tenant", host: str) -> bool:
    """Whether an account has rights on the tenant's database, and no others."""
    found = _grants(tenant, host)
    return bool(found) and all(_on_own(tenant) in text for text in found)


def drop_account(tenant: "Tenant", host: str = "") -> None:
    """Drop the tenant's account, or its rights if it has others; no error if gone.

    `host`: from where it may connect, if not from where new ones may.
    """
    host = host or account_host(tenant.server)
    if all(_on_own(tenant) in text for text in _grants(tenant, host)):
        account = [tenant.db_user, host]
        execute(tenant.server, "DROP USER IF EXISTS %s@%s", account)
    else:
        revoke(tenant, host)


def revoke(tenant: "Tenant", host: str = "") -> None:
    """Take away the account's rights on the tenant's database, if it has any."""
    host = host or account_host(tenant.server)
    own = _on_own(tenant)
    if any(own in text for text in _grants(tenant, host)):
        sql = f"REVOKE ALL PRIVILEGES{own}FROM %s@%s"
        execute(tenant.server, sql, [tenant.db_user, host])


def _on_own(tenant: "Tenant") -> str:
    """Return how a grant on the tenant's database alone says so."""
    return f" ON {_as_pattern(tenant.db_name)}.* "


def _grants(tenant: "Tenant", host: str) -> list[str]:
    """Return what an account of the tenant has been granted; none if it is gone."""
    try:
        sql = "SHOW GRANTS FOR %s@%s"
        rows = query(tenant.server, sql, [tenant.db_user, host])
    except MoodleDbError as error:
        if error.code in NO_SUCH_ACCOUNT:
            return []
        raise
    return [text for (text,) in rows if not text.startswith("GRANT USAGE ON *.*")]


def _as_pattern(name: str) -> str:
    """Return the name as GRANT takes it: there "_" stands for any character.

    >>> print(_as_pattern("moodle_a"))
    `moodle\\_a`
    """
    return "`" + name.replace("_", r"\_") + "`"


def missing_rights(server: "DatabaseServer") -> list[str]:
    """Return which of the rights to make tenants our own account lacks."""
    needed = [*RIGHTS.split(", "), "CREATE USER"]  # who grants a right must have it
    rows = query(
        server,
        "SELECT PRIVILEGE_TYPE, IS_GRANTABLE FROM information_schema.USER_PRIVILEGES"
        """ WHERE GRANTEE = CONCAT("'", REPLACE(CURRENT_USER(), '@', "'@'"), "'")""",
    )
    has = {right for right, _grantable in rows}
    missing = [right for right in needed if right not in has]
    grants = "YES" in {grantable for _right, grantable in rows}
    return missing if grants else [*missing, "GRANT OPTION"]
