"""Who needs an upgrade? 300 tenants on one server, against `upgrade.php --is-pending`.

Ours is what `bulkupgrade` does before it starts anything: read the code's versions by
one PHP process, and the sites' by SQL, many in one statement. Two thirds are up to
date.

With a real tree one site is installed, and every tenant gets its config table; the
loop is timed on a sample of calls, so its total is extrapolated. Without, it is the
sandbox Moodle, and the script is called as often as there are tenants.

    python bench/who_needs_upgrade.py [--moodle DIR] [--tenants 300] [--rounds 5]
"""

import argparse
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from fleet import (
    code_tree,
    installed,
    mariadb,
    median,
    scratch,
    stock_words,
    table,
    tenant_rows,
    timed,
)

if TYPE_CHECKING:
    from tenants.models import Tenant

SAMPLE = 10  # calls on a real site, each of which takes a good part of a second


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--moodle", type=Path, metavar="DIR")
    parser.add_argument("--tenants", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with scratch(LOG_LEVEL="ERROR") as home, mariadb(home) as server:
        release = code_tree(home, options.moodle)
        site = installed("site", home, server, release)
        tenants = tenant_rows(options.tenants, server, release)
        for number, tenant in enumerate(tenants):
            copy_config(site, tenant, pending=number % 3 == 0)
        ours = [timed(lambda: ask(tenants)) for _round in range(options.rounds)]
        calls = SAMPLE if options.moodle else options.tenants
        each = [timed(lambda: is_pending(site)) for _call in range(calls)]
    told = "extrapolated" if options.moodle else "all called"
    total = median(each) * options.tenants if options.moodle else sum(each)
    table(
        f"Who needs an upgrade? {options.tenants} tenants on one server, "
        f"{release.release}, median of {options.rounds} rounds",
        [
            ("asked by SQL (at most 1)", median(ours), "s"),
            (f"upgrade.php --is-pending, median of {calls} calls", median(each), "s"),
            (f"that in a loop over all, {told}", total, "s"),
            ("ratio", median(ours) / total, "x"),
        ],
    )


def copy_config(site: "Tenant", tenant: "Tenant", *, pending: bool) -> None:
    """Give a tenant a database that holds the config table of a site."""
    from tenants import moodledb

    source, target = (moodledb.table(each, "config") for each in (site, tenant))
    for statement in (
        f"CREATE DATABASE `{tenant.db_name}`",
        f"CREATE TABLE {target} LIKE {source}",
        f"INSERT INTO {target} SELECT * FROM {source}",
    ):
        moodledb.execute(tenant.server, statement)
    if pending:
        moodledb.forget_config(tenant, "allversionshash")


def ask(tenants: "list[Tenant]") -> None:
    from commands.upgrade.upgrade import Upgrade

    command = Upgrade.from_attributes("")
    assert command.is_valid()
    skipped = command.skips(tenants)
    assert len(skipped) == len(tenants) - len(tenants[::3])


def is_pending(site: "Tenant") -> None:
    words = stock_words(site.release, f"--host={site.wwwroot}", "--is-pending")
    subprocess.run(words, capture_output=True, check=True)


if __name__ == "__main__":
    main()
