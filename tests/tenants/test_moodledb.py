import os
import select
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import MySQLdb
import pytest

from tenants import moodledb
from tenants.models import DatabaseServer, Tenant
from tests.conftest import MariaDb, registered
from tests.patience import PATIENCE, eventually

pytestmark = pytest.mark.django_db
NAMES = ["version", "release"]


def connect(server: DatabaseServer) -> MySQLdb.Connection:
    return MySQLdb.connect(
        unix_socket=server.socket, user=server.admin_user, passwd=server.admin_password
    )


def cut(server: DatabaseServer) -> int:
    """Kill this thread's connection; return its number once the server has ended it."""
    [(connection,)] = moodledb.query(server, "SELECT CONNECTION_ID()")
    with connect(server) as other:
        other.query(f"KILL {connection}")
    ended, _, _ = select.select([moodledb._connection(server)], [], [], PATIENCE)
    assert ended
    return connection


@contextmanager
def cut_in_its_sleep(server: DatabaseServer) -> Iterator[None]:
    """Kill this thread's connection as soon as it is at work on a SLEEP."""
    [(connection,)] = moodledb.query(server, "SELECT CONNECTION_ID()")
    at_work = (
        "SELECT 1 FROM information_schema.PROCESSLIST"
        f" WHERE ID = {connection} AND INFO LIKE '%SLEEP%'"
    )

    def kill() -> None:
        with connect(server) as other, other.cursor() as cursor:
            eventually(lambda: cursor.execute(at_work))
            cursor.execute(f"KILL {connection}")

    killer = threading.Thread(target=kill)
    killer.start()
    yield
    killer.join()


@pytest.fixture
def statements(monkeypatch) -> list[str]:
    """Record the statements that are sent."""
    sent: list[str] = []
    query = moodledb.query
    monkeypatch.setattr(
        moodledb,
        "query",
        lambda server, sql, values=(): sent.append(sql) or query(server, sql, values),
    )
    return sent


def test_many_tenants_are_read_in_one_statement(add_tenant, statements):
    tenants = [add_tenant(name) for name in ("one", "two")]
    tenants.append(add_tenant("three", "4.3", db_prefix="m3_"))
    statements.clear()

    found = moodledb.config(tenants, NAMES)

    assert len(statements) == 1
    versions = [found[tenant.pk]["version"] for tenant in tenants]
    assert versions == ["2023042400", "2023042400", "2023100900"]


def test_a_tenant_without_tables_hides_no_other(add_tenant):
    tenants = [add_tenant("one"), add_tenant("empty", install=False), add_tenant("two")]

    one, empty, two = moodledb.config(tenants, NAMES).values()

    assert one["version"] == two["version"] == "2023042400"
    assert isinstance(empty, moodledb.MoodleDbError)
    assert "doesn't exist" in str(empty)


def test_databases_with_other_collations_are_read_together(add_tenant, statements):
    tenants = [add_tenant(name) for name in ("one", "two", "three")]
    for tenant, collation in zip(tenants[1:], ["bin", "general_ci"], strict=True):
        moodledb.execute(
            tenant.server,
            f"ALTER TABLE {moodledb.table(tenant, 'config')}"
            f" CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_{collation}",
        )
    statements.clear()

    found = moodledb.config(tenants, NAMES)

    assert all("version" in config for config in found.values())
    assert len([sql for sql in statements if "UNION" in sql]) == 1


def test_selects_of_several_tables_come_in_one_list_of_rows(add_tenant, statements):
    tenants = [add_tenant("one"), add_tenant("two", "4.3", db_prefix="m_")]
    statements.clear()

    found = moodledb.each(
        tenants,
        lambda tenant: [
            (f"name FROM {moodledb.table(tenant, 'config')} WHERE name = %s", [name])
            for name in ("release", "version")
        ],
    )

    assert found == {tenant.pk: [("release",), ("version",)] for tenant in tenants}
    assert len(statements) == 1


def test_a_server_that_is_away_is_asked_once(rows, statements):
    tenants = rows(3 * moodledb.CHUNK)
    DatabaseServer.objects.update(socket="/no/such.sock")
    statements.clear()

    found = moodledb.config(Tenant.objects.with_edges(), NAMES)

    assert len(statements) == 1
    assert len(found) == len(tenants)
    assert all(isinstance(error, moodledb.MoodleDbError) for error in found.values())


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"socket": "/no/such.sock"}, "Can't connect.*: start it, or correct its addr"),
        ({"admin_password": "wrong"}, "Access denied.*: correct account and password"),
        (
            {"socket": "", "host": "127.0.0.1", "port": 1},
            "Can't connect.*: start it, or correct its address in the registry",
        ),
        (
            {"socket": "", "host": "db.invalid"},
            "Unknown .*host 'db.invalid'.*: start it, or correct its address",
        ),
    ],
    ids=["socket", "password", "port", "host"],
)
def test_a_server_that_does_not_answer_is_told_by_its_name(server, values, said):
    DatabaseServer.objects.update(**values)

    with pytest.raises(moodledb.MoodleDbError, match="server db1: .*" + said) as caught:
        moodledb.query(DatabaseServer.objects.get(), "SELECT 1")

    assert caught.value.is_servers


def test_an_address_that_takes_connections_but_is_silent_is_told(server, monkeypatch):
    monkeypatch.setattr(moodledb, "CONNECT_SECONDS", 1)

    with socket.create_server(("127.0.0.1", 0)) as silent:
        server.socket, (server.host, server.port) = "", silent.getsockname()
        with pytest.raises(
            moodledb.MoodleDbError, match="Lost.*: start it, or correct"
        ):
            moodledb.query(server, "SELECT 1")


def test_an_error_in_one_database_is_not_the_servers(server):
    with pytest.raises(moodledb.MoodleDbError) as caught:
        moodledb.query(server, "SELECT 1 FROM no_such.thing")

    assert not caught.value.is_servers


def test_a_connection_that_was_cut_is_made_again(server):
    cut(server)

    assert moodledb.query(server, "SELECT 1") == [(1,)]


def test_a_statement_that_writes_is_not_tried_twice(tenant):
    sql = (
        f"INSERT INTO {moodledb.table(tenant, 'config')} (name, value)"
        " SELECT 'slow', SLEEP(20)"
    )

    with cut_in_its_sleep(tenant.server), pytest.raises(moodledb.MoodleDbError):
        moodledb.execute(tenant.server, sql)

    assert moodledb.config_of(tenant, ["slow"]) == {}


def test_a_connection_that_was_cut_is_made_again_for_a_write(server):
    cut(server)

    assert moodledb.execute(server, "DO 1") == 0


def test_changed_credentials_take_effect_at_once(server):
    assert moodledb.query(server, "SELECT 1")
    server.admin_password = "wrong"

    with pytest.raises(moodledb.MoodleDbError, match="Access denied"):
        moodledb.query(server, "SELECT 1")


def test_waiting_for_a_server_ends_with_its_error(server):
    server.socket = "/no/such.sock"

    with pytest.raises(moodledb.MoodleDbError):
        moodledb.wait_until_up(server, 0.6)


@pytest.fixture
def pings(server: DatabaseServer, monkeypatch) -> list[str]:
    """Record what is sent to a server that has just answered."""
    moodledb.wait_until_up(server, 0)
    sent: list[str] = []
    send = moodledb.Connection.query

    def note(connection: moodledb.Connection, sql: bytes | str) -> None:
        sent.append(sql if isinstance(sql, str) else sql.decode())
        send(connection, sql)

    monkeypatch.setattr(moodledb.Connection, "query", note)
    return sent


def test_a_server_that_has_just_answered_is_not_asked(server, pings):
    moodledb.wait_until_up(server, 0, trusting=True)

    assert pings == []


def test_a_server_that_may_just_have_died_is_asked(server, pings):
    moodledb.wait_until_up(server, 0)

    assert pings == ["SELECT 1"]


def test_an_answer_counts_for_some_seconds(server, pings, monkeypatch):
    later = time.monotonic() + moodledb.TRUST
    monkeypatch.setattr(time, "monotonic", lambda: later)

    moodledb.wait_until_up(server, 0, trusting=True)

    assert pings == ["SELECT 1"]


def test_a_server_that_ended_the_connection_is_asked(server, pings):
    connection = cut(server)
    pings.clear()

    moodledb.wait_until_up(server, 0, trusting=True)

    assert pings == ["SELECT 1", "SELECT 1"]  # the second one on a new connection
    assert moodledb.query(server, "SELECT CONNECTION_ID()") != [(connection,)]


@pytest.mark.parametrize(
    "write",
    [
        lambda server: moodledb.execute(server, "DO SLEEP(20)"),
        lambda server: moodledb.together({server: [("DO SLEEP(20)", ())]}),
    ],
    ids=["one statement", "a transaction"],
)
def test_a_connection_that_was_lost_meanwhile_is_not_trusted(server, pings, write):
    with cut_in_its_sleep(server), pytest.raises(moodledb.MoodleDbError):
        write(server)
    silent = [os.pipe() for _number in range(9)]  # one has the socket's number now
    pings.clear()

    moodledb.wait_until_up(server, 0, trusting=True)

    assert pings == ["SELECT 1", "SELECT 1"]
    for end in sum(silent, ()):
        os.close(end)


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        (0, "server db1: .*; committed elsewhere: nothing$"),
        (1, "server db2: .*; committed elsewhere: db1$"),
    ],
    ids=["the first", "the second"],
)
def test_a_commit_that_fails_names_its_server(
    server, second_server, monkeypatch, lost, said
):
    servers, commit = [server, second_server], moodledb.Connection.commit
    name = f"t_{os.getpid()}_both"
    for one in servers:
        moodledb.execute(one, f"CREATE DATABASE {name}")
        moodledb.execute(one, f"CREATE TABLE {name}.x (id INT)")

    def cut_off(connection: moodledb.Connection) -> None:
        if connection is moodledb._connection(servers[lost]):
            with connect(servers[lost]) as other:
                other.query(f"KILL {connection.thread_id()}")
        commit(connection)

    with monkeypatch.context() as patched:
        patched.setattr(moodledb.Connection, "commit", cut_off)
        with pytest.raises(moodledb.MoodleDbError, match=said):
            moodledb.together(
                {one: [(f"INSERT INTO {name}.x VALUES (1)", ())] for one in servers}
            )

    stored = [moodledb.query(one, f"SELECT id FROM {name}.x") for one in servers]
    assert stored == [[(1,)] * lost, []]
    for one in servers:
        moodledb.execute(one, f"DROP DATABASE {name}")


@pytest.fixture
def own_server(db, tmp_path: Path) -> Iterator[tuple[MariaDb, DatabaseServer]]:
    mariadb = MariaDb(tmp_path / "own")
    mariadb.start()
    yield mariadb, registered("own", mariadb)
    mariadb.stop()


def test_a_server_killed_right_after_its_answer_is_waited_for(own_server):
    mariadb, server = own_server
    moodledb.wait_until_up(server, 0)

    mariadb.kill()

    with pytest.raises(moodledb.MoodleDbError, match="server own: "):
        moodledb.wait_until_up(server, 0)
    before = time.monotonic()
    start = threading.Timer(1, mariadb.start)
    start.start()
    moodledb.wait_until_up(server, PATIENCE)
    assert time.monotonic() - before >= 1
    start.join()
    assert moodledb.query(server, "SELECT 1") == [(1,)]


def test_values_are_bound(tenant):
    hostile = "'; DROP TABLE mdl_config; -- \\ \" % é"
    sql = (
        f"INSERT INTO {moodledb.table(tenant, 'config')} (name, value) VALUES (%s, %s)"
    )

    moodledb.execute(tenant.server, sql, ["hostile", hostile])

    assert moodledb.config_of(tenant, ["hostile"]) == {"hostile": hostile}
    assert moodledb.forget_config(tenant, "hostile") == 1


def test_a_forked_process_has_connections_of_its_own(server):
    [(mine,)] = moodledb.query(server, "SELECT CONNECTION_ID()")
    read, write = os.pipe()
    child = os.fork()
    if not child:
        [(its,)] = moodledb.query(server, "SELECT CONNECTION_ID()")
        os.write(write, str(its).encode())
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)

    assert int(os.read(read, 20)) != mine
    assert moodledb.query(server, "SELECT CONNECTION_ID()") == [(mine,)]
