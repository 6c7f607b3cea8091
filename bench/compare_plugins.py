"""All plugins of 300 tenants compared, against a loop of one query set per tenant.

Each tenant has a database with the tables of a real site that hold plugins and their
switches; every tenth differs in some of them. Ours is the page of plugins/Compare as a
browser gets it, and the part of it that is spent on statements; the loop reads the same
tables, a tenant at a time, on the same connection.

    python bench/compare_plugins.py DUMP [--moodle DIR] [--tenants 300] [--rounds 5]

DUMP: what mariadb-dump wrote of one real site (MOODLE's, for the versions of its code).
"""

import argparse
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from fleet import code_tree, mariadb, median, scratch, table, tenant_rows, timed

if TYPE_CHECKING:
    from tenants.models import DatabaseServer, Tenant

TABLES = (
    *("config", "config_plugins", "context", "modules", "block", "filter_active"),
    *("message_processors", "portfolio_instance", "repository"),
)
PAGE = "/commands/run/of/compare/plugins/Compare/"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("dump", type=Path)
    parser.add_argument("--moodle", type=Path, metavar="DIR")
    parser.add_argument("--tenants", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with scratch(LOG_LEVEL="ERROR", DEBUG="true") as home, mariadb(home) as server:
        release = code_tree(home, options.moodle)
        load(home, server, options.dump)
        tenants = tenant_rows(options.tenants, server, release)
        for number, tenant in enumerate(tenants):
            copy_tables(tenant, differs=number % 10 == 1)
        type(tenants[0]).objects.filter(pk=tenants[0].pk).update(is_main=True)
        measure(tenants, options.rounds)


def load(home: Path, server: "DatabaseServer", dump: Path) -> None:
    from tenants import moodledb

    moodledb.execute(server, "CREATE DATABASE site")
    words = ["mariadb", "--no-defaults", f"--socket={home}/db/mysqld.sock", "site"]
    with dump.open("rb") as file:
        subprocess.run(words, stdin=file, check=True)


def copy_tables(tenant: "Tenant", *, differs: bool) -> None:
    """Give a tenant a database with the site's tables."""
    from tenants import moodledb

    database = f"CREATE DATABASE `{tenant.db_name}` COLLATE utf8mb4_unicode_ci"
    moodledb.execute(tenant.server, database)
    for name in TABLES:
        target = moodledb.table(tenant, name)
        source = f"site.`mdl_{name}`"
        moodledb.execute(tenant.server, f"CREATE TABLE {target} LIKE {source}")
        moodledb.execute(tenant.server, f"INSERT INTO {target} SELECT * FROM {source}")
    if differs:
        modules = moodledb.table(tenant, "modules")
        moodledb.execute(
            tenant.server, f"UPDATE {modules} SET visible = 0 WHERE MOD(id, 3) = 0"
        )
        plugins = moodledb.table(tenant, "config_plugins")
        moodledb.execute(
            tenant.server,
            f"DELETE FROM {plugins} WHERE name = 'version' AND MOD(id, 40) = 0",
        )


def measure(tenants: "list[Tenant]", rounds: int) -> None:
    from django.contrib.auth.models import User
    from django.test import Client

    from commands.plugins.states import columns
    from tenants import moodledb
    from tenants.models import Tenant

    tenants = list(Tenant.objects.with_edges().order_by("pk"))
    client = Client(SERVER_NAME="localhost")
    client.force_login(User.objects.create_superuser("bench"))
    spent: list[float] = []
    query = moodledb.query

    def counted(*args: object) -> moodledb.Rows:
        found: moodledb.Rows = []
        spent.append(timed(lambda: found.extend(query(*args))))
        return found

    def page(address: str) -> float:
        spent.clear()
        took = timed(lambda: answers.append(client.get(address)))
        assert answers[-1].status_code == 200
        assert answers[-1].content.count(b"data-row") > 10
        return took

    answers: list = []
    moodledb.query = counted
    page(PAGE)  # reads the code once
    figures = [(page(PAGE), sum(spent), len(spent)) for _round in range(rounds)]
    whole = [page(f"{PAGE}?alike=1") for _round in range(rounds)]
    size = len(answers[-1].content)
    moodledb.query = query
    loop = [
        timed(lambda: [columns([tenant]) for tenant in tenants])
        for _round in range(rounds)
    ]
    together = [timed(lambda: columns(tenants)) for _round in range(rounds)]
    table(
        f"All plugins of {len(tenants)} tenants, median of {rounds} rounds",
        [
            ("statements' time (at most 3)", median(f[1] for f in figures), "s"),
            ("statements", figures[0][2], ""),
            ("the page (at most 1), with them", median(f[0] for f in figures), "s"),
            ("the page without them", median(f[0] - f[1] for f in figures), "s"),
            ("with all tenants, statements included", median(whole), "s"),
            ("that page", size / 1e6, "MB"),
            ("columns read together", median(together), "s"),
            ("columns read in a loop", median(loop), "s"),
            ("ratio", median(together) / median(loop), "x"),
        ],
    )


if __name__ == "__main__":
    main()
