"""Six real tenants to the next release, two at once, against stock upgrade.php.

Three times the same six sites, clones of one that Moodle's own installer made: by
`manage.py bulkupgrade` with real workers (status check, maintenance page, pin, verify
and history included; OPcache's file cache, empty at first), by `xargs -P2` of stock
upgrade.php, and by a plain loop of it. The last two start with the tenants pinned.

    python bench/fleet_upgrade.py --moodle OLD_DIR NEW_DIR [--tenants 6] [--parallel 2]
"""

import argparse
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from fleet import (
    ROOT,
    code_tree,
    installed,
    mariadb,
    scratch,
    site_row,
    stock_words,
    table,
    timed,
    workers,
)

if TYPE_CHECKING:
    from tenants.models import Release, Tenant


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--moodle", type=Path, nargs=2, metavar="DIR", required=True)
    parser.add_argument("--tenants", type=int, default=6)
    parser.add_argument("--parallel", type=int, default=2)
    options = parser.parse_args()
    parallel = options.parallel
    with (
        scratch(VMOODLE_WORKERS=str(parallel), LOG_LEVEL="ERROR") as home,
        mariadb(home, "1G") as server,
    ):
        old, new = (code_tree(home, path) for path in options.moodle)
        site = installed("site", home, server, old)
        dump(site, home / "site.sql")

        def seconds(name: str, upgrade: "Callable[[list[Tenant]], None]") -> float:
            names = [f"{name}{n}" for n in range(options.tenants)]
            tenants = [clone(site, name, home) for name in names]
            took = timed(lambda: upgrade(tenants))
            check(tenants, new)
            print(f"{name}: {took:.1f} s", file=sys.stderr)
            forget(tenants)
            return took

        with workers():
            ours = seconds("ours", lambda tenants: bulkupgrade(tenants, new, parallel))
        xargs = seconds("xargs", lambda tenants: stock(tenants, new, parallel))
        loop = seconds("loop", lambda tenants: stock(tenants, new, 1))
    table(
        f"{options.tenants} tenants from {old.release} to {new.release}, one run each",
        [
            (f"bulkupgrade --jobs={parallel}", ours, "s"),
            (f"xargs -P{parallel} upgrade.php", xargs, "s"),
            ("upgrade.php in a loop", loop, "s"),
            ("bulkupgrade against xargs (aim: at most 0.65)", ours / xargs, "x"),
            ("bulkupgrade against the loop", ours / loop, "x"),
        ],
    )


def client(program: str, site: "Tenant") -> list[str]:
    # The owner of the private server is known by the socket: no password needed.
    return [program, "--no-defaults", f"--socket={site.server.socket}"]


def dump(site: "Tenant", file: Path) -> None:
    with file.open("wb") as output:
        words = [*client("mariadb-dump", site), site.db_name]
        subprocess.run(words, stdout=output, check=True)


def clone(site: "Tenant", name: str, home: Path) -> "Tenant":
    """Make a tenant with the database and the files of a site."""
    tenant = site_row(name, home, site.server, site.release)
    shutil.copytree(site.data_path, tenant.data_path, dirs_exist_ok=True)
    with (home / "site.sql").open("rb") as dump:
        words = [*client("mariadb", site), tenant.db_name]
        subprocess.run(words, stdin=dump, check=True)
    return tenant


def bulkupgrade(tenants: "list[Tenant]", new: "Release", parallel: int) -> None:
    hosts = ",".join(tenant.wwwroot for tenant in tenants)
    options = [f"--to-release={new}", f"--tohosts={hosts}", f"--jobs={parallel}"]
    options.append("--without-snapshot")  # stock upgrade.php takes none either
    subprocess.run(
        [sys.executable, ROOT / "manage.py", "bulkupgrade", *options],
        stdout=sys.stderr,
        check=True,
    )


def stock(tenants: "list[Tenant]", new: "Release", parallel: int) -> None:
    for tenant in tenants:
        tenant.pin(new)
    words = stock_words(new, "--host={}", "--non-interactive")
    subprocess.run(
        ["xargs", f"-P{parallel}", "-I{}", *words],
        input="\n".join(tenant.wwwroot for tenant in tenants),
        text=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )


def check(tenants: "list[Tenant]", new: "Release") -> None:
    """Fail unless every database is that of the new release."""
    from commands.upgrade.status import Status, statuses
    from tenants.models import Tenant

    fresh = list(Tenant.objects.with_edges().filter(pk__in=[t.pk for t in tenants]))
    assert {tenant.release for tenant in fresh} == {new}
    assert {site.status for site in statuses(fresh).values()} == {Status.CURRENT}


def forget(tenants: "list[Tenant]") -> None:
    from tenants import moodledb

    for tenant in tenants:
        moodledb.execute(tenant.server, f"DROP DATABASE `{tenant.db_name}`")
        tenant.delete()


if __name__ == "__main__":
    main()
