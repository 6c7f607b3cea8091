"""Jobs of a trivial PHP script, against `xargs -P` on the same command lines.

The run keeps its whole history (states, times, output); xargs keeps nothing. Both
start PHP with the same options, as many at once. Two scripts: one that prints a word,
the worst case, and one that also computes for 60 ms, so that it takes as long as the
least of Moodle's own scripts does (80 ms on the machine this was written on).

    python bench/jobs_vs_xargs.py [--jobs 1000] [--parallel 2] [--rounds 3]
"""

import argparse
import os
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from fleet import mariadb, median, scratch, table, tenant_rows, timed, workers

if TYPE_CHECKING:
    from tenants.models import Release, Tenant

SCRIPT = "admin/cli/maintenance.php"
TICK = os.sysconf("SC_CLK_TCK")
WORD = "<?php echo 'done', PHP_EOL;"
MOODLE_LIKE = "<?php while (hrtime(true) < ($end ??= hrtime(true) + 6e7)); echo 'done';"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--parallel", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with (
        scratch(VMOODLE_WORKERS=str(options.parallel), LOG_LEVEL="ERROR") as home,
        mariadb(home) as server,
        workers() as main_process,
    ):
        release = make_release(home)
        tenants = tenant_rows(options.jobs, server, release)
        for what, text in (
            ("a script that prints a word", WORD),
            ("a script as long as Moodle's least", MOODLE_LIKE),
        ):
            Path(release.path, SCRIPT).write_text(text)
            compare(what, tenants, main_process, options)


def make_release(home: Path) -> "Release":
    """Return a release whose tree holds one script only."""
    from tenants.models import Release
    from tenants.serving.adopt import adopt

    tree = home / "tree"
    (tree / SCRIPT).parent.mkdir(parents=True)
    release = Release.objects.create(
        name="bench", path=str(tree), version="1", release="1", branch="1"
    )
    adopt(release)
    return release


def compare(
    what: str, tenants: "list[Tenant]", main_process: int, options: argparse.Namespace
) -> None:
    ours, plain, cpu = [], [], []
    for number in range(options.rounds):
        before = cpu_seconds(main_process)
        ours.append(run_to_end(tenants, options.parallel))
        cpu.append(cpu_seconds(main_process) - before)
        plain.append(timed(lambda: run_xargs(tenants, options.parallel)))
        print(f"round {number + 1}: {ours[-1]:.2f} s, xargs {plain[-1]:.2f} s")
    ratios = [mine / theirs for mine, theirs in zip(ours, plain, strict=True)]
    table(
        f"{len(tenants)} jobs of {what}, {options.parallel} at once, "
        f"median of {options.rounds} rounds",
        [
            ("run, history included", median(ours), "s"),
            ("xargs -P", median(plain), "s"),
            ("ratio (at most 1.10)", median(ratios), "x"),
            (
                "control plane CPU (at most 10)",
                1000 * median(cpu) / len(tenants),
                "ms/job",
            ),
        ],
    )


def run_to_end(tenants: "list[Tenant]", parallel: int) -> float:
    """Return the seconds from before the run is made to its end, as it notes it.

    So this script, which looks now and then whether it is over, is not measured.
    """
    from django.utils import timezone

    from commands.models import Run

    began = timezone.now()
    run = Run.objects.create(
        command="generic/Maintenance",
        targets=[tenant.pk for tenant in tenants],
        actor="bench",
        parallel=parallel,
    )
    run.start()
    while run.state != Run.State.FINISHED:
        time.sleep(0.5)
        run.refresh_from_db()
    assert run.counts()["succeeded"] == len(tenants), run.jobs.last().error
    return (run.finished_at - began).total_seconds()


def run_xargs(tenants: "list[Tenant]", parallel: int) -> None:
    from tenants import php

    release = tenants[0].release
    script = php.script_path(release.path, SCRIPT)
    words = [release.php, *php.php_options(release.path), script, "--host={}"]
    subprocess.run(
        ["xargs", f"-P{parallel}", "-I{}", *words],
        input="\n".join(tenant.wwwroot for tenant in tenants),
        text=True,
        stdout=subprocess.DEVNULL,
        check=True,
    )


def cpu_seconds(main_process: int) -> float:
    """Return the CPU time of the cluster's own processes, without their PHP."""
    total = 0.0
    for pid in [main_process, *descendants(main_process)]:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += (int(fields[11]) + int(fields[12])) / TICK
    return total


def descendants(pid: int) -> list[int]:
    """Return the living Python processes below a process."""
    found = []
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        if "python" in Path(f"/proc/{child}/comm").read_text():
            found += [int(child), *descendants(int(child))]
    return found


if __name__ == "__main__":
    main()
