"""One setting of 1,000 tenants on one server, against a connection a tenant.

Ours is what `manage.py getconfig` does after its start, many tenants in one statement;
the loop connects anew for each tenant and asks it alone. Both in each round. Every
tenant has a schema of its own with a config table of 500 rows. The whole command, as
one types it, is timed as well.

    python bench/one_setting.py [--tenants 1000] [--rounds 5]
"""

import argparse
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from fleet import ROOT, mariadb, median, scratch, table, tenant_rows, timed

if TYPE_CHECKING:
    from tenants.models import DatabaseServer, Tenant

ROWS = 500  # a Moodle has about so many


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tenants", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with scratch(LOG_LEVEL="ERROR") as home, mariadb(home) as server:
        from tenants.models import Release

        release = Release.objects.create(
            name="4.3", path="/nowhere", version="1", release="4.3", branch="403"
        )
        tenants = tenant_rows(options.tenants, server, release)
        fill(server, tenants)
        ours, loop, typed = [], [], []
        for _round in range(options.rounds):
            ours.append(timed(lambda: ask(tenants)))
            loop.append(timed(lambda: ask_each(server, tenants)))
            typed.append(timed(type_it))
    table(
        f"One setting of {options.tenants} tenants on one server, "
        f"median of {options.rounds} rounds",
        [
            ("many in one statement (at most 2)", median(ours), "s"),
            ("manage.py getconfig, from its start to its end", median(typed), "s"),
            ("a connection a tenant, in a loop", median(loop), "s"),
            ("ratio", median(ours) / median(loop), "x"),
        ],
    )


def fill(server: "DatabaseServer", tenants: "list[Tenant]") -> None:
    """Give each tenant a schema with a config table."""
    from tenants import moodledb

    for number, tenant in enumerate(tenants):
        config = moodledb.table(tenant, "config")
        moodledb.execute(server, f"CREATE DATABASE `{tenant.db_name}`")
        moodledb.execute(
            server,
            f"CREATE TABLE {config} (id BIGINT AUTO_INCREMENT PRIMARY KEY,"
            " name VARCHAR(255) NOT NULL UNIQUE, value LONGTEXT NOT NULL)",
        )
        source = moodledb.table(tenants[0], "config")
        moodledb.execute(
            server,
            f"INSERT INTO {config} (name, value) SELECT name, value FROM {source}"
            if number
            else f"INSERT INTO {config} (name, value) SELECT CONCAT('setting', seq),"
            f" 'boost' FROM `{tenant.db_name}`.seq_1_to_{ROWS}",
        )


def ask(tenants: "list[Tenant]") -> None:
    from commands.management.commands.getconfig import read

    found = list(read(tenants, "setting77", ""))
    assert [each.value for each in found] == ["boost"] * len(tenants)


def ask_each(server: "DatabaseServer", tenants: "list[Tenant]") -> None:
    import MySQLdb

    for tenant in tenants:
        connection = MySQLdb.connect(
            unix_socket=server.socket,
            user=server.admin_user,
            passwd=server.admin_password,
            database=tenant.db_name,
            charset="utf8mb4",
        )
        cursor = connection.cursor()
        cursor.execute("SELECT value FROM mdl_config WHERE name = 'setting77'")
        assert cursor.fetchall() == (("boost",),)
        connection.close()


def type_it() -> None:
    words = [sys.executable, "manage.py", "getconfig", "--name=setting77"]
    done = subprocess.run(
        words, cwd=ROOT, env=os.environ, capture_output=True, check=True, text=True
    )
    assert done.stdout.count("\tboost\n") > 1


if __name__ == "__main__":
    main()
