"""What does generic/SetConfig cost a tenant, against Moodle's own cfg.php --set?

One real site is installed and cloned into as many databases as asked, each a tenant
with its own data directory. Every round sets one setting to a new value on all of them,
by a run whose lane works in this process, and then by stock cfg.php in a loop. CPU is
that of the PHP processes (RUSAGE_CHILDREN) and, for ours, of the control plane as well
(RUSAGE_SELF); the database server's is in neither. One call of each comes first,
untimed, which fills OPcache's file cache and the registry's connections.

    python bench/set_config.py --moodle DIR [--tenants 25] [--rounds 4]
"""

import argparse
import resource
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from fleet import code_tree, installed, mariadb, scratch, site_row, table, timed

if TYPE_CHECKING:
    from tenants.models import DatabaseServer, Release, Tenant


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--moodle", type=Path, metavar="DIR", required=True)
    parser.add_argument("--tenants", type=int, default=25)
    parser.add_argument("--rounds", type=int, default=4)
    options = parser.parse_args()
    with scratch(LOG_LEVEL="ERROR") as home, mariadb(home) as server:
        release = code_tree(home, options.moodle)
        first = installed("site", home, server, release)
        tenants = clones(first, options.tenants, home, server, release)
        set_by_run(tenants[:1], "before")
        set_by_script(tenants[0], "before")
        jobs = options.tenants * options.rounds
        ours = spent(
            lambda: [set_by_run(tenants, f"run {n}") for n in range(options.rounds)]
        )
        stock = spent(
            lambda: [
                set_by_script(tenant, f"script {n}")
                for n in range(options.rounds)
                for tenant in tenants
            ]
        )
    table(
        f"generic/SetConfig: {jobs} jobs, {options.tenants} databases visited "
        f"{options.rounds} times, {release.release}; each per tenant",
        [
            ("CPU of PHP", ours["php"] / jobs, "s"),
            ("CPU of the control plane", ours["self"] / jobs, "s"),
            ("both (at most 0.2)", (ours["php"] + ours["self"]) / jobs, "s"),
            ("from start to end", ours["wall"] / jobs, "s"),
            ("cfg.php --set, stock: CPU", stock["php"] / jobs, "s"),
            ("cfg.php --set, stock: from start to end", stock["wall"] / jobs, "s"),
            ("CPU, ratio", (ours["php"] + ours["self"]) / stock["php"], ""),
        ],
    )


def clones(
    site: "Tenant",
    number: int,
    home: Path,
    server: "DatabaseServer",
    release: "Release",
) -> "list[Tenant]":
    """Make tenants whose databases are copies of the site's."""
    client = ["--no-defaults", f"--socket={server.socket}"]
    dump = home / "site.sql"
    with dump.open("wb") as file:
        argv = ["mariadb-dump", *client, site.db_name]
        subprocess.run(argv, stdout=file, check=True)
    made = []
    for n in range(number):
        tenant = site_row(f"t{n}", home, server, release)
        with dump.open("rb") as file:
            argv = ["mariadb", *client, tenant.db_name]
            subprocess.run(argv, stdin=file, check=True)
        made.append(tenant)
    return made


def set_by_run(tenants: "list[Tenant]", value: str) -> None:
    """Set it on all tenants by a run, one job after the other, in this process."""
    from django.conf import settings

    from commands import tasks
    from commands.models import Run

    settings.VMOODLE_LANE_SECONDS = 3600
    run = Run.objects.create(
        command="generic/SetConfig",
        attributes=f"key=vmoodle_bench&value={value}",
        targets=[tenant.pk for tenant in tenants],
        actor="bench",
        parallel=1,
    )
    run.start(lanes=False)
    tasks.lane(run.pk)
    run.refresh_from_db()
    assert run.counts()["succeeded"] == len(tenants), run.counts()


def set_by_script(tenant: "Tenant", value: str) -> None:
    """Set it as one would without us: no OPcache."""
    script = f"{tenant.release.path}/admin/cli/cfg.php"
    argv = [tenant.release.php, script, f"--host={tenant.wwwroot}"]
    subprocess.run([*argv, "--name=vmoodle_bench", f"--set={value}"], check=True)


def spent(work: Callable[[], object]) -> dict[str, float]:
    """Return the seconds of CPU and of the clock that a call takes."""
    who = {"php": resource.RUSAGE_CHILDREN, "self": resource.RUSAGE_SELF}
    before = {name: cpu(which) for name, which in who.items()}
    wall = timed(work)
    return {name: cpu(who[name]) - before[name] for name in who} | {"wall": wall}


def cpu(who: int) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
