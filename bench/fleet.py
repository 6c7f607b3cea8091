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
