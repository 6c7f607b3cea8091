"""What the benches share: a scratch registry, a private MariaDB, and workers."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tenants.models import DatabaseServer, Release, Tenant

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))


@contextmanager
def scratch(**environment: str) -> Iterator[Path]:
    """Set up Django on an empty registry in a directory that goes at the end."""
    home = Path(tempfile.mkdtemp(prefix="vmoodle-bench-"))
    os.environ.update(
        DJANGO_SETTINGS_MODULE="vmoodle_site.settings",
        VMOODLE_ENV_FILE=os.devnull,
        SECRET_KEY="only-for-a-bench",
        VMOODLE_SECRET_KEYS="b25seS1mb3ItYS1iZW5jaC0wMDAwMDAwMDAwMDAwMDA=",
        VMOODLE_VAR_DIR=str(home),
        DATABASE_URL=f"sqlite:///{home}/registry.sqlite3",
        **environment,
    )
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def mariadb(home: Path, buffer_pool: str = "512M") -> Iterator["object"]:
    """Run a private server; yield its row of the registry."""
    from tenants.models import DatabaseServer

    words = [str(ROOT / "bin/mariadb"), "start", str(home / "db")]
    subprocess.run([*words, "--buffer-pool", buffer_pool], check=True)
    try:
        yield DatabaseServer.objects.create(
            name="bench",
            socket=str(home / "db/mysqld.sock"),
            admin_user="vmoodle",
            admin_password=(home / "db/password").read_text().strip(),
            job_limit=200,
        )
    finally:
        subprocess.run([words[0], "stop", words[2]], check=True)


@contextmanager
def workers(queue: str = "jobs") -> Iterator[int]:
    """Run a cluster of workers; yield the process id of its main process."""
    from commands.models import Cluster

    process = subprocess.Popen([sys.executable, ROOT / "manage.py", "worker", queue])
    try:
        while not Cluster.objects.filter(worker__contains=f":{process.pid}:"):
            time.sleep(0.1)
        time.sleep(1)
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def tenant_rows(number: int, server: object, release: object) -> list:
    """Make tenants that are rows of the registry only; return them."""
    from tenants.models import Tenant

    return Tenant.objects.bulk_create(
        [
            Tenant(
                wwwroot=f"https://t{n}.example.org",
                key=f"t{n}.example.org",
                name=f"School {n}",
                shortname=f"t{n}",
                server=server,
                release=release,
                db_name=f"t{n}",
                data_path=f"/srv/moodledata/t{n}",
            )
            for n in range(number)
        ],
        batch_size=500,
    )


def code_tree(home: Path, moodle: Path | None) -> "Release":
    """Copy a real tree, or build the sandbox's; register and adopt it."""
    from demo.sandbox.build import build
    from tenants.models import Release
    from tenants.serving.adopt import adopt

    name = moodle.resolve().name if moodle else "4.2"
    tree = home / "moodle" / name
    if moodle:
        # Not by hard links: what we write must not reach the original.
        shutil.copytree(moodle.resolve(), tree, symlinks=True)
        (tree / "config.php").unlink(missing_ok=True)
    else:
        build(name, tree)
    release = Release(name=name, path=str(tree))
    release.refresh()
    adopt(release)
    return release


def site_row(
    name: str, home: Path, server: "DatabaseServer", release: "Release"
) -> "Tenant":
    """Make a tenant with an empty database and an empty data directory."""
    from tenants import moodledb
    from tenants.models import Tenant

    data = home / "data" / name
    data.mkdir(parents=True)
    moodledb.execute(
        server,
        f"CREATE DATABASE IF NOT EXISTS `{name}`"
        " CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci",
    )
    return Tenant.objects.create(
        wwwroot=f"https://{name}.example.org",
        name=name,
        shortname=name,
        server=server,
        release=release,
        db_name=name,
        db_user=server.admin_user,
        db_password=server.admin_password,
        data_path=str(data),
    )


def installed(
    name: str, home: Path, server: "DatabaseServer", release: "Release"
) -> "Tenant":
    """Make a tenant and install a site by the tree's own installer."""
    from tenants import php

    tenant = site_row(name, home, server, release)
    options = [
        "--agree-license",
        "--adminpass=Bench-1234",
        "--adminemail=admin@example.org",
        f"--fullname={name}",
        f"--shortname={name}",
    ]
    for _line in php.run(tenant, "admin/cli/install_database.php", options):
        pass
    return tenant


def stock_words(release: "Release", *options: str) -> list[str]:
    """Return upgrade.php as one would call it without us: no OPcache."""
    script = f"{release.path}/admin/cli/upgrade.php"
    return [release.php, "-d", "max_input_vars=6000", script, *options]


def table(title: str, rows: Sequence[tuple[str, float, str]]) -> None:
    """Print rows of (what, figure, unit)."""
    width = max(len(what) for what, _figure, _unit in rows)
    print(f"\n{title}")
    for what, figure, unit in rows:
        print(f"  {what:{width}}  {figure:10.3f} {unit}")


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that a call takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


__all__ = ["ROOT", "mariadb", "median", "scratch", "table", "tenant_rows", "timed"]
