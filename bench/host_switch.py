"""What the switch adds to a request, against a registry on the request path.

Measured inside of PHP (hrtime) in php-fpm with OPcache and its defaults, requests of
all tenants in turn. "boot.php" is the first line of our config.php: it finds the
tenant and fills $CFG. "A plain config.php" fills the infrastructure's values for one
site. The third, as the PHP system does, connects to a registry and selects the
tenant's row by its host name. The pages lie in a directory of the tree, as most of
Moodle's do.

    python bench/host_switch.py [--tenants 300] [--requests 6000]
"""

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from fleet import ROOT, code_tree, mariadb, median, scratch, table, tenant_rows

if TYPE_CHECKING:
    from tenants.models import DatabaseServer, Tenant

sys.path.insert(0, str(ROOT))

PAGE = """<?php
$_SERVER['HTTP_HOST']; // filled when it is first named, by every page of Moodle
$start = hrtime(true);
{work}
$end = hrtime(true);
echo json_encode(['ns' => $end - $start, 'wwwroot' => $CFG->wwwroot]);
"""
SWITCH = "$CFG = (require '{boot}')(dirname(__DIR__));"
PLAIN = "require __DIR__ . '/settings.php';"
REGISTRY = """
mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);
$link = new mysqli('localhost', 'vmoodle', '{password}', 'registry', 0, '{socket}');
$host = $link->real_escape_string('https://' . $_SERVER['HTTP_HOST']);
$CFG = $link->query("SELECT * FROM vmoodle WHERE wwwroot = '$host'")->fetch_object();
$link->close();
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tenants", type=int, default=300)
    parser.add_argument("--requests", type=int, default=6000, help="Of each kind.")
    options = parser.parse_args()
    with scratch(LOG_LEVEL="ERROR") as home, mariadb(home) as server:
        tenants = tenant_rows(options.tenants, server, code_tree(home, None))
        tree = Path(tenants[0].release.path)
        make_pages(tree, tenants, server)
        time.sleep(3)  # OPcache does not keep files younger than two seconds
        found = measured(home, tree, tenants, options.requests)
    switch, plain, registry = (median(found[name]) / 1000 for name in found)
    table(
        f"The switch, {options.tenants} tenants, median of {options.requests} requests",
        [
            ("boot.php", switch, "us"),
            ("a plain config.php", plain, "us"),
            ("added by the switch (at most 20)", switch - plain, "us"),
            ("mysqli connect + select", registry, "us"),
            ("boot.php against that", switch / registry, "x"),
            ("boot.php, 95 of 100 requests within", percentile(found["switch"]), "us"),
        ],
    )


def percentile(figures: list[int], part: float = 0.95) -> float:
    return sorted(figures)[int(part * len(figures))] / 1000


def make_pages(tree: Path, tenants: "list[Tenant]", server: "DatabaseServer") -> None:
    """Publish the tenants, and write one page for each way."""
    from tenants import moodledb
    from tenants.serving import publish
    from tenants.serving.boot import boot_values, php_literal

    publish.rebuild(tenants)
    pages = tree / "course"
    pages.mkdir(exist_ok=True)
    settings = boot_values(tenants[0])["cfg"].items()
    lines = [f"$CFG->{name} = {php_literal(value)};" for name, value in settings]
    text = "<?php\n$CFG = new stdClass();\n" + "\n".join(lines)
    (pages / "settings.php").write_text(text)
    registry = REGISTRY.format(password=server.admin_password, socket=server.socket)
    switch = SWITCH.format(boot=publish.boot_file("boot"))
    for name, work in (("switch", switch), ("plain", PLAIN), ("registry", registry)):
        (pages / f"{name}.php").write_text(PAGE.format(work=work))
    for statement in (
        "CREATE DATABASE registry",
        "CREATE TABLE registry.vmoodle (id bigint AUTO_INCREMENT PRIMARY KEY, "
        "wwwroot varchar(255) UNIQUE, vdbname varchar(64), vdatapath varchar(255))",
    ):
        moodledb.execute(server, statement)
    insert = (
        "INSERT INTO registry.vmoodle (wwwroot, vdbname, vdatapath) VALUES (%s, %s, %s)"
    )
    for tenant in tenants:
        values = [tenant.wwwroot, tenant.db_name, tenant.data_path]
        moodledb.execute(server, insert, values)


def measured(
    home: Path, tree: Path, tenants: "list[Tenant]", requests: int
) -> dict[str, list[int]]:
    """Return nanoseconds by page; each tenant's first request is not counted."""
    from tests.boot import fpm

    fpm.INI.clear()
    found: dict[str, list[int]] = {"switch": [], "plain": [], "registry": []}
    with fpm.running(home) as server:
        for number in range(-2 * len(tenants), requests):
            tenant = tenants[number % len(tenants)]
            for name, figures in found.items():
                host = tenant.wwwroot.removeprefix("https://")
                answer = server.get(tree, host, f"/course/{name}.php").page
                assert name == "plain" or answer["wwwroot"] == tenant.wwwroot
                if number >= 0:
                    figures.append(answer["ns"])
    return found


if __name__ == "__main__":
    main()
