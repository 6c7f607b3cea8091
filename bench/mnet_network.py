"""A network of 200 tenants: how long does it take to bind all of them with each other?

Each tenant has a database with the tables of a real site that MNet has to do with, and
a key pair of its own, which is made before. Then all pairs are bound by what a job of
mnet/InitMnetNode does, for all tenants at once: read, compare, write. A second time
nothing may be written. At the end one site gets new keys, which all others are told.

    python bench/mnet_network.py DUMP --moodle DIR [--tenants 200]

DUMP: what mariadb-dump wrote of one real site (MOODLE's, of a release that has MNet).
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from compare_plugins import load
from fleet import mariadb, scratch, table, tenant_rows, timed

if TYPE_CHECKING:
    from mnet.binding import Change
    from mnet.rotation import Renewal
    from tenants.models import DatabaseServer, Tenant

TABLES = (
    *("config", "config_plugins", "course", "mnet_application", "mnet_host"),
    *("mnet_host2service", "mnet_service", "mnet_session"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("dump", type=Path)
    parser.add_argument("--moodle", type=Path, metavar="DIR", required=True)
    parser.add_argument("--tenants", type=int, default=200)
    options = parser.parse_args()
    with scratch(LOG_LEVEL="ERROR") as home, mariadb(home) as server:
        load(home, server, options.dump)
        tenants = network(options.tenants, server, options.moodle)
        measure(tenants)


def network(number: int, server: "DatabaseServer", moodle: Path) -> "list[Tenant]":
    """Return tenants of one sub-network, each with its tables and with MNet on."""
    from tenants.lifecycle.identity import set_config
    from tenants.models import Release, Tenant

    release = Release(name="moodle", path=str(moodle.resolve()))
    release.refresh()
    made = tenant_rows(number, server, release)
    Tenant.objects.update(network=1)
    for tenant in made:
        copy_tables(tenant)
        set_config(tenant, "mnet_dispatcher_mode", "strict")
    return list(Tenant.objects.with_edges().order_by("pk"))


def copy_tables(tenant: "Tenant") -> None:
    from tenants import moodledb

    database = f"CREATE DATABASE `{tenant.db_name}` COLLATE utf8mb4_unicode_ci"
    moodledb.execute(tenant.server, database)
    for name in TABLES:
        target, source = moodledb.table(tenant, name), f"site.`mdl_{name}`"
        moodledb.execute(tenant.server, f"CREATE TABLE {target} LIKE {source}")
        moodledb.execute(tenant.server, f"INSERT INTO {target} SELECT * FROM {source}")
    hosts = moodledb.table(tenant, "mnet_host")
    moodledb.execute(tenant.server, f"DELETE FROM {hosts} WHERE id > 2")


def measure(tenants: "list[Tenant]") -> None:
    number = len(tenants)
    make = timed(lambda: [renew(tenant, []) for tenant in tenants])
    bound: list[list[Change]] = []
    first = timed(lambda: bound.append(bind(tenants)))
    second = timed(lambda: bound.append(bind(tenants)))
    rows = peers(tenants)
    assert (len(bound[0]), len(bound[1])) == (number * (number - 1), 0), bound
    assert rows == (number * (number - 1), 2 * number * (number - 1)), rows
    told: list[Renewal] = []
    last = timed(lambda: told.append(renew(tenants[0], tenants)))
    assert len(told[0].told) == number - 1
    table(
        f"MNet: {number} tenants on one server, all bound with each other",
        [
            ("key pairs made and stored, each", make / number, "s"),
            (f"bound, {rows[0]} peers with {rows[1]} services", first, "s"),
            ("a second time: nothing differs, nothing is written", second, "s"),
            (f"new keys for one, {number - 1} others told", last, "s"),
        ],
    )


def renew(tenant: "Tenant", tenants: "list[Tenant]") -> "Renewal":
    from mnet import rotation, sites

    return rotation.renew(sites.read([tenant], about=[])[tenant.pk], tenants)


def bind(tenants: "list[Tenant]") -> "list[Change]":
    """Bind what is not bound yet; return what was changed."""
    from mnet import binding, networks, sites
    from mnet.models import Strategy

    with binding.alone(tenants):
        bonds = networks.bonds_of(tenants, tenants, Strategy.all())
        changes = binding.differences(sites.read(tenants), bonds)
        binding.write(changes)
    return changes


def peers(tenants: "list[Tenant]") -> tuple[int, int]:
    """Return how many peers the sites know, and how many services with them."""
    from tenants import moodledb

    def parts(tenant: "Tenant") -> "list[moodledb.Part]":
        hosts, given = (
            moodledb.table(tenant, name) for name in ("mnet_host", "mnet_host2service")
        )
        which = "WHERE deleted = 0 AND id > 2"
        known = f"(SELECT COUNT(*) FROM {hosts} {which} AND public_key <> '')"  # noqa: S608
        return [(f"{known}, (SELECT COUNT(*) FROM {given})", ())]  # noqa: S608

    found = [rows[0] for rows in moodledb.each(tenants, parts).values()]  # type: ignore[index]
    return sum(row[0] for row in found), sum(row[1] for row in found)


if __name__ == "__main__":
    main()
