"""A new tenant from a template, against Moodle's own installer.

The installer is called as one would without us: no OPcache. Both are whole commands,
from the shell's prompt to the next. Then ten tenants in a row, a command each, and ten
of a list, by one command and two workers.

    python bench/create.py --moodle DIR [--tenants 10]
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from fleet import (
    ROOT,
    code_tree,
    mariadb,
    median,
    scratch,
    site_row,
    table,
    timed,
    workers,
)

if TYPE_CHECKING:
    from tenants.models import Release, Tenant

NAMED = ("--adminemail=admin@example.org", "--fullname=A", "--shortname=a")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--moodle", type=Path, required=True, help="A code tree.")
    parser.add_argument("--tenants", type=int, default=10, help="In a row.")
    options = parser.parse_args()
    with (
        scratch(LOG_LEVEL="ERROR", VMOODLE_WORKERS="2") as home,
        mariadb(home) as server,
    ):
        release = code_tree(home, options.moodle)
        first = site_row("first", home, server, release)
        installer = timed(lambda: install(first, release))
        manage("snapshot", f"--host={first.wwwroot}", "--template")
        create(0)  # PHP compiles the code tree
        each = [timed(lambda n=n: create(n)) for n in range(1, options.tenants + 1)]
        with workers():
            listed = timed(lambda: create_list(home / "list.csv", options.tenants))
    each.sort()
    middle, row = median(each), sum(each)
    table(
        f"New tenants of {options.moodle.name}",
        [
            ("Moodle's installer", installer, "s"),
            ("createnode from a template, median (at most 3)", middle, "s"),
            ("of the installer (at least 20)", installer / middle, "x"),
            ("the slowest of them", each[-1], "s"),
            (f"{options.tenants} in a row (ten: at most 20)", row, "s"),
            (f"{options.tenants} of a list, two at once", listed, "s"),
        ],
    )


def install(tenant: "Tenant", release: "Release") -> None:
    script = f"{release.path}/admin/cli/install_database.php"
    words = [release.php, "-d", "max_input_vars=6000", script]
    words += ["--agree-license", "--adminpass=Bench-1234", *NAMED]
    subprocess.run(
        words,
        env={"PATH": os.environ["PATH"], "VMOODLE_HOST": tenant.wwwroot},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        check=True,
    )


def create(number: int) -> None:
    manage(
        "createnode",
        f"--host=https://new{number}.example.org",
        f"--name=New {number}",
        f"--shortname=new{number}",
        "--template=https://first.example.org",
        "--force-dns",
    )


def create_list(path: Path, number: int) -> None:
    lines = [
        f"https://list{n}.example.org;List {n};list{n};https://first.example.org;1"
        for n in range(number)
    ]
    columns = "vhostname;name;shortname;vtemplate;forcedns"
    path.write_text("\n".join([columns, *lines]))
    manage("bulkcreatenodes", f"--nodes={path}", "--jobs=2")


def manage(*words: str) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "manage.py", *words],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(done.stdout + done.stderr)


if __name__ == "__main__":
    main()
