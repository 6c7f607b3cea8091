import pytest

from commands.models import Job
from tenants import moodledb
from tests.commands.conftest import Manage
from tests.commands.system.conftest import job_of
from tests.mnet import tables

MORE = {
    "mnet_rpc": "id INT PRIMARY KEY, functionname VARCHAR(40), xmlrpcpath VARCHAR(80)",
    "mnet_service2rpc": "id INT PRIMARY KEY, serviceid INT, rpcid INT,"
    " UNIQUE (rpcid, serviceid)",
}


@pytest.fixture
def one(network):
    [tenant] = network(1)
    for name in ("", "remote_"):
        for table, columns in MORE.items():
            full = moodledb.table(tenant, table.replace("mnet_", f"mnet_{name}"))
            moodledb.execute(tenant.server, f"CREATE TABLE {full} ({columns})")
    return tenant


def do(tenant, table: str, sql: str) -> None:
    moodledb.execute(tenant.server, f"{sql % moodledb.table(tenant, table)}")


def rows(tenant, table: str) -> list[tuple]:
    name = moodledb.table(tenant, table)
    return moodledb.query(tenant.server, f"SELECT * FROM {name} ORDER BY id")


def test_rows_become_one_and_keep_what_refers_to_them(one, finished):
    do(one, "mnet_service", "INSERT INTO %s VALUES (900, 'pf', 1)")
    do(
        one,
        "mnet_rpc",
        "INSERT INTO %s VALUES (1, 'f', 'p'), (2, 'f', 'p'), (3, 'g', 'p')",
    )
    links = "(1, 900, 1), (2, 900, 2), (3, 900, 3), (4, 900, 77)"
    do(one, "mnet_service2rpc", f"INSERT INTO %s VALUES {links}")
    do(
        one,
        "mnet_host2service",
        "INSERT INTO %s VALUES (1, 2, 900, 1, 1), (2, 55, 900, 1, 1)",
    )
    [(pf,)] = tables.rows(one, "MIN(id) FROM {mnet_service} WHERE name = 'pf'")

    job = job_of(finished("mnet/FixMnetTables", [one]))

    assert job.state == Job.State.SUCCEEDED, job.error
    assert job.result["mended"] == {
        "mnet_service: there twice": 1,
        "mnet_rpc: there twice": 1,
        "mnet_service2rpc: of no mnet_rpc": 1,
        "mnet_host2service: of no mnet_host": 1,
    }
    assert [row[:2] for row in rows(one, "mnet_rpc")] == [(1, "f"), (3, "g")]
    assert rows(one, "mnet_service2rpc") == [(1, pf, 1), (3, pf, 3)]
    assert rows(one, "mnet_host2service") == [(1, 2, pf, 1, 1)]


def test_tables_in_order_are_left_alone(one, manage: Manage, monkeypatch):
    monkeypatch.setattr(type(one.release), "read_version", lambda release: None)

    said = manage("fix_mnet_tables", f"--host={one.wwwroot}")

    assert said.code == 0, said
    assert "its MNet tables are in order" in said.err
