"""Tenants' databases, by MySQLdb. Nothing else connects to them.

One connection per database server and thread, never one per tenant; many tenants
in one statement. Identifiers come from the registry, where they are validated, and
are back-quoted; values are always bound. What an operator wrote has a connection of its
own, with the account of the tenant (`tenants/session.py`).
"""

import os
import select
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

import MySQLdb
import MySQLdb.connections
import MySQLdb.cursors
from django.utils.translation import gettext_lazy as _
from MySQLdb.constants import CR, ER

from tenants.errors import VMoodleError

if TYPE_CHECKING:  # models imports php, which no test should need a driver for
    from tenants.models import DatabaseServer, Tenant

CHUNK = 50  # tenants in one UNION ALL: the fastest of 1 to 200, measured
CONNECT_SECONDS, READ_SECONDS = 5, 120
TRUST = 5.0  # seconds an answer counts for, while the connection stays open
LOST = {CR.SERVER_GONE_ERROR, CR.SERVER_LOST}
NO_SUCH_ACCOUNT = {ER.NONEXISTING_GRANT, ER.CANNOT_USER}
# What a server says, or is said of it, when it may take us a moment later.
AWAY = {
    *(CR.CONNECTION_ERROR, CR.CONN_HOST_ERROR, CR.UNKNOWN_HOST),
    *(CR.SERVER_HANDSHAKE_ERR, CR.SERVER_LOST_EXTENDED, *LOST),
    *(ER.CON_COUNT_ERROR, ER.TOO_MANY_USER_CONNECTIONS, ER.OUT_OF_RESOURCES),
    *(ER.CANT_CREATE_THREAD, ER.SERVER_SHUTDOWN),
    ER.UNKNOWN_COM_ERROR,  # of a node that joins its Galera cluster
}
NOT_LET_IN = {ER.CON_COUNT_ERROR, ER.ACCESS_DENIED_ERROR, ER.HOST_NOT_PRIVILEGED}
OUT_OF_REACH = _("start it, or correct its address in the registry")
NO_LOGIN = _("correct account and password in the registry, or let it log in from here")
ADVICE = {
    CR.CONNECTION_ERROR: OUT_OF_REACH,
    CR.CONN_HOST_ERROR: OUT_OF_REACH,
    CR.UNKNOWN_HOST: OUT_OF_REACH,
    ER.ACCESS_DENIED_ERROR: NO_LOGIN,
    ER.HOST_NOT_PRIVILEGED: NO_LOGIN,
    ER.CON_COUNT_ERROR: _("raise its max_connections, or lower its job limit"),
}
NOT_ALL_TAKEN_BACK = ER.WARNING_NOT_COMPLETE_ROLLBACK
T = TypeVar("T")
Rows = list[tuple[Any, ...]]

_local = threading.local()
_in_vain: dict[int, float] = {}  # till when a server was waited for, by its number


class MoodleDbError(VMoodleError):
    """A server could not be reached, or refused a statement."""

    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.code = code

    @property
    def is_servers(self) -> bool:
        """Whether the server itself is the matter, and not one database of it."""
        return self.code >= CR.MIN_ERROR or self.code in NOT_LET_IN


class Connection(MySQLdb.connections.Connection):
    """A connection that knows when its server has answered."""

    trusted = 0.0  # till then, by the monotonic clock, its last answer counts

    def do(self, work: Callable[["Connection"], T]) -> T:
        """Do it, and trust the connection again when it is done."""
        self.trusted = 0.0  # if it gets lost, its socket's number is another file's
        done = work(self)
        self.trusted = time.monotonic() + TRUST
        return done

    def is_good(self) -> bool:
        """Whether the server answered just now, and has been silent since."""
        socket = select.poll()
        if trusted := time.monotonic() < self.trusted:
            socket.register(self, select.POLLIN)  # readable whatever has ended it
        return trusted and not socket.poll(0)

    def row_by_row(self) -> MySQLdb.cursors.SSCursor:
        """Return a cursor that fetches each row when it is asked for, or at its end."""
        return self.cursor(MySQLdb.cursors.SSCursor)


def table(tenant: "Tenant", name: str) -> str:
    """Return the quoted name of a Moodle table, `db`.`prefix_name`."""
    return f"`{tenant.db_name}`.`{tenant.db_prefix}{name}`"


def query(server: "DatabaseServer", sql: str, values: Sequence[Any] = ()) -> Rows:
    """Return the rows of a statement; raise MoodleDbError."""

    def fetch(connection: Connection) -> Rows:
        with connection.cursor() as cursor:
            cursor.execute(sql, values)
            return list(cursor.fetchall())

    return _attempt(server, lambda connection: connection.do(fetch))


def execute(server: "DatabaseServer", sql: str, values: Sequence[Any] = ()) -> int:
    """Run a statement that writes, commit, and return how many rows it changed.

    Never twice: if the connection is lost meanwhile, nobody knows whether it was done.
    """

    def write(connection: Connection) -> int:
        with connection.cursor() as cursor:
            changed: int = cursor.execute(sql, values)
        connection.commit()
        return changed

    query(server, "SELECT 1")  # connects again where that is needed
    return _attempt(server, lambda connection: connection.do(write), again=set())


def together(work: Mapping["DatabaseServer", Sequence["Part"]]) -> int:
    """Run statements that write, all or none; return how many rows they changed.

    One transaction a server, and all statements are done before any is committed.
    """
    with ExitStack() as begun:
        connections, changed, done = {}, 0, list[str]()
        for server, statements in work.items():
            query(server, "SELECT 1")  # connects again where that is needed
            with told_of(server):
                connections[server] = begun.enter_context(_transaction(server))
                with connections[server].cursor() as cursor:
                    changed += sum(cursor.execute(*part) for part in statements)
        for server, connection in connections.items():
            others = f"; committed elsewhere: {', '.join(done) or 'nothing'}"
            with told_of(server, others if len(work) > 1 else ""):
                connection.commit()
            done.append(server.name)
    return changed


@contextmanager
def _transaction(server: "DatabaseServer") -> Iterator[Connection]:
    connection = _connection(server)
    connection.trusted = 0.0
    connection.query("START TRANSACTION")
    try:
        yield connection
    finally:
        with suppress(MySQLdb.Error):  # a server that is gone has undone it itself
            connection.rollback()  # of nothing, once it is committed


def wait_until_up(
    server: "DatabaseServer", seconds: float, *, trusting: bool = False
) -> None:
    """Wait for the server to answer, or raise MoodleDbError after some seconds.

    At once when it refuses the login, which waiting does not change.

    `trusting`: what was found a moment ago counts: it has answered, or was waited for
    in vain and now gets a tenth of the time. But of a server that dies the kernel
    closes the connections one by one: ours may be the last.
    """
    begun = time.monotonic()
    if trusting and begun < _in_vain.get(server.pk, -seconds) + seconds:
        seconds /= 10
    while True:
        try:
            if not (trusting and _attempt(server, Connection.is_good)):
                query(server, "SELECT 1")
        except MoodleDbError as error:
            if error.code not in AWAY:
                raise
            if time.monotonic() >= begun + seconds:
                _in_vain[server.pk] = time.monotonic()
                raise
            time.sleep(0.5)
        else:
            _in_vain.pop(server.pk, None)
            return


def _attempt(
    server: "DatabaseServer",
    work: Callable[[Connection], T],
    again: Collection[int] = LOST,
) -> T:
    with told_of(server):
        try:
            return work(_connection(server))
        except MySQLdb.OperationalError as error:
            if error.args[0] not in again:
                raise
            return work(_connection(server, fresh=True))


@contextmanager
def told_of(server: "DatabaseServer", hint: str = "") -> Iterator[None]:
    """Turn what the driver raises into a MoodleDbError that names the server."""
    try:
        yield
    except MySQLdb.Error as error:
        code, said = error.args if len(error.args) == 2 else (0, error)
        message = _("database server %(server)s: %(said)s")
        if advice := OUT_OF_REACH if "handshake" in str(said) else ADVICE.get(code):
            message = _("database server %(server)s: %(said)s: %(advice)s")
        words = {"server": server.name, "said": f"{said}{hint}", "advice": advice}
        raise MoodleDbError(message % words, code) from error


def _reach(server: "DatabaseServer") -> dict[str, Any]:
    tcp = {"host": server.host, "port": server.port}
    address = {"unix_socket": server.socket} if server.socket else tcp
    return address | {"charset": "utf8mb4", "connect_timeout": CONNECT_SECONDS}


def _connection(server: "DatabaseServer", *, fresh: bool = False) -> Connection:
    """Return this thread's connection to the server as it is configured now."""
    wanted = (_reach(server), server.admin_user, server.admin_password)
    cache = _local.__dict__.setdefault("connections", {})
    # A fork's inherited connection stays, unused: closing it would cut off the parent.
    key = (os.getpid(), server.pk)
    if fresh or cache.get(key, ("", None))[0] != wanted:
        cache.pop(key, None)
        cache[key] = (wanted, _connect(server))
    connection: Connection = cache[key][1]
    return connection


def _connect(server: "DatabaseServer") -> Connection:
    return Connection(
        **_reach(server),
        user=server.admin_user,
        password=server.admin_password or "",
        autocommit=True,
        read_timeout=READ_SECONDS,
    )


@contextmanager
def connected(server: "DatabaseServer") -> Iterator[Callable[[str], None]]:
    """Yield what runs a statement on a connection that lasts as long as this."""
    with told_of(server):
        connection = _connect(server)

    def run(sql: str) -> None:
        with told_of(server):
            connection.query(sql)

    with closing(connection):
        yield run


Config = dict[str, str]
Part = tuple[str, Sequence[Any]]  # a SELECT without the word, and its values
Parts = Callable[["Tenant"], Sequence[Part]]


def utf8(expression: str) -> str:
    """Return a text as every tenant has it: UNION refuses collations that differ."""
    return f"CONVERT({expression} USING utf8mb4) COLLATE utf8mb4_bin"


def each(tenants: Iterable["Tenant"], parts: Parts) -> dict[int, Rows | MoodleDbError]:
    """Return what SELECTs on each tenant find, by tenant pk, or why they cannot.

    One statement per server and `CHUNK` tenants, so all parts have the same columns;
    a tenant whose table is missing does not hide the others.
    """
    by_server: dict[DatabaseServer, list[Tenant]] = {}
    for tenant in tenants:
        by_server.setdefault(tenant.server, []).append(tenant)
    found: dict[int, Rows | MoodleDbError] = {}
    for server, group in by_server.items():
        for at in range(0, len(group), CHUNK):
            answers = _chunk(server, group[at : at + CHUNK], parts)
            found |= answers
            first = answers[group[at].pk]
            if isinstance(first, MoodleDbError) and first.is_servers:
                found |= {tenant.pk: first for tenant in group[at:]}
                break  # a server that is away is asked once
    return found


def _chunk(
    server: "DatabaseServer", tenants: Sequence["Tenant"], parts: Parts
) -> dict[int, Rows | MoodleDbError]:
    asked = [(tenant.pk, part) for tenant in tenants for part in parts(tenant)]
    sql = " UNION ALL ".join(f"SELECT {pk}, {text}" for pk, (text, _values) in asked)
    values = [value for _pk, (_text, own) in asked for value in own]
    try:
        rows = query(server, sql, values)
    except MoodleDbError as error:
        if len(tenants) == 1 or error.is_servers:
            return {tenant.pk: error for tenant in tenants}
        half = len(tenants) // 2
        halves = tenants[:half], tenants[half:]
        return _chunk(server, halves[0], parts) | _chunk(server, halves[1], parts)
    lists: dict[int, Rows] = {tenant.pk: [] for tenant in tenants}
    for row in rows:
        lists[row[0]].append(row[1:])
    return dict(lists)


def config(
    tenants: Iterable["Tenant"], names: Sequence[str], plugin: str = ""
) -> dict[int, Config | MoodleDbError]:
    """Return rows of Moodle's `config` by tenant pk, or why they cannot be read.

    With `plugin` those of `config_plugins`.
    """
    marks = ", ".join(["%s"] * len(names))
    source, where = ("config_plugins", "plugin = %s AND ") if plugin else ("config", "")
    values = [*([plugin] if plugin else []), *names]

    def parts(tenant: "Tenant") -> list[Part]:
        columns = f"{utf8('name')}, {utf8('value')}"
        rest = f"FROM {table(tenant, source)} WHERE {where}name IN ({marks})"
        return [(f"{columns} {rest}", values)]

    return {
        pk: rows if isinstance(rows, MoodleDbError) else dict(rows)
        for pk, rows in each(tenants, parts).items()
    }


def config_of(tenant: "Tenant", names: Sequence[str]) -> Config:
    """Return rows of one tenant's `config`; raise MoodleDbError."""
    found = config([tenant], names)[tenant.pk]
    if isinstance(found, MoodleDbError):
        raise found
    return found


def plugin_settings(tenant: "Tenant", plugins: Sequence[str]) -> dict[str, Config]:
    """Return all rows of Moodle's `config_plugins` for plugins, by plugin."""
    marks = ", ".join(["%s"] * len(plugins))
    sql = (
        f"SELECT plugin, name, value FROM {table(tenant, 'config_plugins')} "  # noqa: S608
        f"WHERE plugin IN ({marks}) ORDER BY plugin, name"
    )
    found: dict[str, Config] = {}
    for plugin, name, value in query(tenant.server, sql, plugins):
        found.setdefault(plugin, {})[name] = value
    return found


def forget_config(tenant: "Tenant", name: str) -> int:
    """Delete one row of Moodle's `config`; return how many were there."""
    sql = f"DELETE FROM {table(tenant, 'config')} WHERE name = %s"  # noqa: S608
    return execute(tenant.server, sql, [name])


def log_in(tenant: "Tenant", read_timeout: int) -> Connection:
    """Return a new connection with the tenant's own account, for `tenants.session`.

    No database is chosen: only names in full reach a table.
    """
    with told_of(tenant.server, hint=f" (the tenant's own account, {tenant.db_user})"):
        return Connection(
            **_reach(tenant.server),
            user=tenant.db_user,
            password=tenant.db_password or "",
            sql_mode="STRICT_ALL_TABLES",
            multi_statements=False,
            local_infile=False,
            read_timeout=read_timeout,
        )
