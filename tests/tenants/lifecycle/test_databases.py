"""Databases and accounts, on a real MariaDB."""

import os
from contextlib import closing

import MySQLdb
import pytest

from tenants import moodledb
from tenants.lifecycle import databases
from tenants.models import DatabaseServer, Tenant
from tenants.moodledb import MoodleDbError
from tests.conftest import AddTenant

PASSWORD = "p'\"\\ %s"


@pytest.fixture
def names(server: DatabaseServer):
    """Return three names of databases that are dropped at the end."""
    found = [f"t_{os.getpid()}_{letter}" for letter in "abc"]
    yield found
    for name in found:
        moodledb.execute(server, f"DROP DATABASE IF EXISTS `{name}`")


@pytest.fixture
def user(server: DatabaseServer):
    name = f"vm_{os.getpid()}"
    yield name
    moodledb.execute(server, "DROP USER IF EXISTS %s@'localhost'", [name])


def test_a_database_is_dropped_by_its_mark_only(server: DatabaseServer, names):
    databases.create(server, names[0], "vmoodle create 1")

    databases.drop(server, names[0], "vmoodle create 2")
    assert databases.marked(server, "vmoodle create") == {names[0]: "vmoodle create 1"}

    databases.drop(server, names[0], "vmoodle create 1")
    databases.drop(server, names[0], "vmoodle create 1")
    assert not databases.exists(server, names[0])


def test_a_database_that_is_there_is_not_made_again(server: DatabaseServer, names):
    databases.create(server, names[0], "one")

    with pytest.raises(MoodleDbError, match="database exists"):
        databases.create(server, names[0], "two")

    assert databases.mark_of(server, names[0]) == "one"


def test_tables_change_places(server: DatabaseServer, names):
    live, fresh, former = names
    for name in names:
        databases.create(server, name, "test")
    for name, table in ((live, "t1"), (live, "gone"), (fresh, "t1"), (fresh, "new")):
        moodledb.execute(server, f"CREATE TABLE `{name}`.`{table}` (`{name}` int)")

    databases.swap(server, live, fresh, former)

    assert [sorted(databases.table_sizes(server, name)) for name in names] == [
        ["new", "t1"],
        [],
        ["gone", "t1"],
    ]
    assert moodledb.query(server, f"SHOW COLUMNS FROM `{live}`.t1")[0][0] == fresh


def test_a_swap_that_fails_moves_nothing(server: DatabaseServer, names):
    live, fresh, former = names
    for name in names:
        databases.create(server, name, "test")
    for name, table in ((live, "a"), (live, "t1"), (fresh, "t1"), (former, "t1")):
        moodledb.execute(server, f"CREATE TABLE `{name}`.`{table}` (`{name}` int)")

    with pytest.raises(MoodleDbError, match="already exists"):
        databases.swap(server, live, fresh, former)

    assert sorted(databases.table_sizes(server, live)) == ["a", "t1"]
    assert moodledb.query(server, f"SHOW COLUMNS FROM `{live}`.t1")[0][0] == live


def test_a_prefix_is_changed(server: DatabaseServer, names):
    databases.create(server, names[0], "test")
    for table in ("mdl_a", "mdl_mdl_b"):
        moodledb.execute(server, f"CREATE TABLE `{names[0]}`.`{table}` (id int)")

    databases.rename_prefix(server, names[0], "mdl_", "m2_")

    assert sorted(databases.table_sizes(server, names[0])) == ["m2_a", "m2_mdl_b"]


@pytest.fixture
def owner(add_tenant: AddTenant, user: str) -> Tenant:
    """Return a tenant with an account of its own."""
    made = add_tenant("one", install=False, db_user=user, db_password=PASSWORD)
    databases.create_account(made)
    databases.grant(made)
    return made


def login(tenant: Tenant) -> MySQLdb.Connection:
    return MySQLdb.connect(
        unix_socket=tenant.server.socket,
        user=tenant.db_user,
        password=tenant.db_password,
    )


def test_an_account_has_rights_on_its_own_database_only(owner: Tenant, names):
    like = owner.db_name.replace("_", "x", 1)  # "_" would be any character
    for name in (like, names[0]):
        moodledb.execute(owner.server, f"CREATE DATABASE `{name}`")
    try:
        with closing(login(owner)) as connection, connection.cursor() as cursor:
            cursor.execute("SHOW DATABASES")
            seen = {name for (name,) in cursor.fetchall()}
            cursor.execute(f"CREATE TABLE `{owner.db_name}`.t (id int)")
            with pytest.raises(MySQLdb.OperationalError, match="denied"):
                cursor.execute(f"CREATE TABLE `{like}`.t (id int)")
    finally:
        moodledb.execute(owner.server, f"DROP DATABASE `{like}`")

    assert seen == {"information_schema", owner.db_name}


def test_an_account_goes_with_its_database(owner: Tenant):
    databases.drop_account(owner)
    databases.drop_account(owner)

    assert not databases.has_account(owner.server, owner.db_user)


def test_an_account_with_other_rights_keeps_them(owner: Tenant, names):
    moodledb.execute(
        owner.server,
        f"GRANT SELECT ON `{names[0]}`.* TO %s@'localhost'",
        [owner.db_user],
    )

    databases.drop_account(owner)

    assert databases.has_account(owner.server, owner.db_user)
    rows = moodledb.query(
        owner.server, "SHOW GRANTS FOR %s@'localhost'", [owner.db_user]
    )
    assert len([text for (text,) in rows if " ON `" in text]) == 1


def connects_from(tenant: Tenant) -> list[str]:
    sql = "SELECT Host FROM mysql.user WHERE User = %s ORDER BY Host"
    return [host for (host,) in moodledb.query(tenant.server, sql, [tenant.db_user])]


def test_an_account_ends_wherever_it_was_made_from(owner: Tenant):
    owner.server.accounts_from = "10.0.0.%"  # that of tenants made since

    assert databases.end_account(owner)
    assert databases.end_account(owner)

    assert connects_from(owner) == []


@pytest.mark.parametrize("right", ["SELECT ON `{other}`.*", "USAGE ON *.*"])
def test_an_account_elsewhere_that_is_not_the_tenants_alone_stays(
    owner: Tenant, names, right: str
):
    server, account = owner.server, [owner.db_user, "10.0.0.7"]
    moodledb.execute(server, "CREATE USER %s@%s", account)
    right = right.format(other=names[0])
    moodledb.execute(server, f"GRANT {right} TO %s@%s", account)
    if "SELECT" in right:
        own = databases._as_pattern(owner.db_name)
        moodledb.execute(server, f"GRANT SELECT ON {own}.* TO %s@%s", account)

    try:
        assert not databases.end_account(owner)

        assert connects_from(owner) == ["10.0.0.7"]
        left = databases._grants(owner, "10.0.0.7")
        assert [text.split(" TO ")[0] for text in left] == (
            [f"GRANT {right}"] if "SELECT" in right else []
        )
    finally:
        moodledb.execute(server, "DROP USER %s@%s", account)


def test_an_account_that_another_tenant_uses_loses_one_database_only(
    owner: Tenant, add_tenant: AddTenant
):
    other = add_tenant("two", install=False, db_user=owner.db_user)
    databases.grant(other)

    assert not databases.end_account(owner)

    own = databases._as_pattern(other.db_name)
    [left] = databases._grants(other, "localhost")
    assert f" ON {own}.* " in left


def test_what_our_account_lacks_is_told(server: DatabaseServer, owner: Tenant):
    assert databases.missing_rights(server) == []

    poor = DatabaseServer(
        name="poor",
        socket=server.socket,
        admin_user=owner.db_user,
        admin_password=owner.db_password,
    )

    listed = [*databases.RIGHTS.split(", "), "CREATE USER", "GRANT OPTION"]
    assert databases.missing_rights(poor) == listed


def test_nobody_writes_to_tables_that_stand_still(tenant: Tenant, monkeypatch):
    monkeypatch.setattr(databases, "STILL_SECONDS", 1)
    still = databases.standing_still
    name, table = tenant.db_name, moodledb.table(tenant, "config")
    change = f"UPDATE {table} SET value = '' WHERE name = 'nothing'"

    with moodledb.connected(tenant.server) as run:
        run("SET lock_wait_timeout = 1")
        with still(tenant.server, name, ["mdl_config"]) as held:
            assert held
            with pytest.raises(MoodleDbError, match="Lock wait timeout"):
                run(change)
        run("START TRANSACTION")
        run(f"DELETE FROM {table}")
        with still(tenant.server, name, ["mdl_config"]) as held:
            assert not held
        run("ROLLBACK")
        run(change)
