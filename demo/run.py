"""The demo: a fleet of four tenants, upgraded while you watch. Run by bin/demo.

Everything it makes lies in `var/demo`, and goes when it ends.
"""

import argparse
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / "var" / "demo"
TENANTS = ("north", "south", "east", "west")
PORT = 8000
sys.path.insert(0, str(ROOT))


def main() -> None:
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    prepare()
    try:
        with database() as account, django(options.port):
            names = trees(options.moodle)
            tenants = fleet(account, names[0], slow=not options.moodle)
            say(f"Installed {len(tenants)} tenants on {names[0]}")
            with workers(options) as process:
                result = upgrade(names[-1])
                if options.once:
                    sys.stdout.write(json.dumps(result, indent=2) + "\n")
                else:
                    leave_open(options.port, process)
    except KeyboardInterrupt:
        say("Stopping")
    finally:
        shutil.rmtree(HOME, ignore_errors=True)
    if options.once and result["failed"]:
        sys.exit(1)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bin/demo", description=__doc__)
    parser.add_argument(
        "--once", action="store_true", help="Print the result and exit."
    )
    parser.add_argument(
        "--moodle",
        action="append",
        type=Path,
        default=[],
        metavar="DIR",
        help="A real Moodle tree, the older first; it is copied, not changed.",
    )
    parser.add_argument("--port", type=int, default=PORT, help="Port of the console.")
    options = parser.parse_args()
    for tree in options.moodle:
        if not (tree / "version.php").is_file():
            parser.error(f"{tree} is no Moodle: it has no version.php")
    return options


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def prepare() -> None:
    """Start afresh; refuse while another demo runs."""
    owner = HOME / "pid"
    if owner.is_file() and Path("/proc", owner.read_text()).exists():
        sys.exit("A demo is running already: stop it first (Ctrl-C in its window)")
    if HOME.exists():
        subprocess.run([ROOT / "bin/mariadb", "stop", HOME / "db"], check=False)
        shutil.rmtree(HOME)
    HOME.mkdir(parents=True)
    owner.write_text(str(os.getpid()))


@contextmanager
def database() -> Iterator[dict[str, str]]:
    """Run a private MariaDB with its own directory and socket."""
    subprocess.run(
        [ROOT / "bin/mariadb", "start", HOME / "db"], check=True, stdout=sys.stderr
    )
    password = (HOME / "db/password").read_text().strip()
    try:
        yield {
            "socket": str(HOME / "db/mysqld.sock"),
            "admin_user": "vmoodle",
            "admin_password": password,
        }
    finally:
        subprocess.run(
            [ROOT / "bin/mariadb", "stop", HOME / "db"], check=False, stdout=sys.stderr
        )


@contextmanager
def django(port: int) -> Iterator[None]:
    """Set up Django on a registry of the demo's own."""
    os.environ.update(
        DJANGO_SETTINGS_MODULE="vmoodle_site.settings",
        VMOODLE_VAR_DIR=str(HOME),
        VMOODLE_CONSOLE_URL=f"http://127.0.0.1:{port}",
        DATABASE_URL=f"sqlite:///{HOME / 'registry.sqlite3'}",
        VMOODLE_WORKERS=str(os.cpu_count() or 2),
        VMOODLE_TECHOPERATOR="operator@example.org",
    )
    import django as framework
    from django.core.management import call_command

    framework.setup()
    call_command("migrate", verbosity=0)
    yield


def trees(given: list[Path]) -> list[str]:
    """Put the code trees in place, register and adopt them; return their names."""
    from demo.sandbox.build import VERSIONS, build
    from tenants.adopt import adopt
    from tenants.models import Release

    names = []
    for source in given or VERSIONS:
        name = source.name if isinstance(source, Path) else source
        tree = HOME / "moodle" / name
        if isinstance(source, Path):
            say(f"Copying {source}")
            shutil.copytree(source.resolve(), tree, symlinks=True)
        else:
            build(source, tree)
        release = Release(name=name, path=str(tree))
        release.full_clean()
        release.refresh()
        adopt(release)
        names.append(name)
    return names


def fleet(account: dict[str, str], release: str, *, slow: bool) -> list[Any]:
    """Create the tenants and install a site in each, two at once."""
    from tenants.models import DatabaseServer, Release

    server = DatabaseServer.objects.create(name="demo", **account)
    pinned = Release.objects.get(name=release)
    tenants = [create(name, server, pinned) for name in TENANTS]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(install, tenants))
    if slow:  # the sandbox's upgrade would be over before anybody could look
        for tenant in tenants:
            linger(tenant)
    return tenants


def create(name: str, server: Any, release: Any) -> Any:
    from tenants import moodledb
    from tenants.models import Tenant

    moodledb.execute(
        server,
        f"CREATE DATABASE demo_{name} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci",
    )
    data = HOME / "data" / name
    data.mkdir(parents=True)
    tenant = Tenant(
        wwwroot=f"http://{name}.localhost:8100",
        name=f"{name.title()} School",
        shortname=name,
        server=server,
        release=release,
        db_name=f"demo_{name}",
        db_user=server.admin_user,
        db_password=server.admin_password,
        data_path=str(data),
    )
    tenant.full_clean()
    tenant.save()
    return tenant


def install(tenant: Any) -> None:
    from tenants import php

    say(f"Installing {tenant.wwwroot}")
    options = [
        "--agree-license",
        f"--adminpass={secrets.token_urlsafe(16)}-aA1",
        "--adminemail=admin@example.org",
        f"--fullname={tenant.name}",
        f"--shortname={tenant.shortname}",
    ]
    for _line in php.run(tenant, "admin/cli/install_database.php", options):
        pass


def linger(tenant: Any) -> None:
    from tenants import moodledb

    table = moodledb.table(tenant, "config")
    sql = f"INSERT INTO {table} (name, value) VALUES (%s, %s)"  # noqa: S608
    moodledb.execute(tenant.server, sql, ["sandbox_upgrade_seconds", "3"])


@contextmanager
def workers(options: argparse.Namespace) -> Iterator[subprocess.Popen[bytes]]:
    """Run the workers, and the console unless the demo ends by itself."""
    if not options.once:
        account()
    argv = [sys.executable, str(ROOT / "manage.py"), "dev", f"--port={options.port}"]
    process = subprocess.Popen(
        [*argv, *(["--no-web"] if options.once else [])],
        stdout=sys.stderr,
        start_new_session=True,
    )
    try:
        wait_for_workers(process)
        yield process
    finally:
        process.terminate()
        process.wait()


def account() -> None:
    """Make the login of the console and print it at the end."""
    from django.contrib.auth.models import User

    password = secrets.token_urlsafe(9)
    User.objects.create_superuser("admin", "admin@example.org", password)
    os.environ["VMOODLE_DEMO_PASSWORD"] = password


def wait_for_workers(process: subprocess.Popen[bytes]) -> None:
    from commands.models import Cluster
    from commands.queue import JOBS

    for _try in range(150):
        if Cluster.alive(JOBS):
            return
        if process.poll() is not None:
            break
        time.sleep(0.2)
    sys.exit("The workers did not start: see what they printed above")


def upgrade(release: str) -> dict[str, Any]:
    """Upgrade the fleet with the shell command; return what happened."""
    say(f"Upgrading the fleet: manage.py bulkupgrade --to-release={release}")
    argv = [sys.executable, str(ROOT / "manage.py"), "bulkupgrade", "--json"]
    done = subprocess.run(
        [*argv, f"--to-release={release}"], stdout=subprocess.PIPE, check=False
    )
    if not done.stdout:
        sys.exit("bulkupgrade did not run: see what it printed above")
    run = json.loads(done.stdout)
    say(", ".join(f"{n} {state}" for state, n in run["counts"].items() if n))
    return {
        "run": run["run"],
        **run["counts"],
        "seconds": run["seconds"],
        "tenants": [
            {
                "wwwroot": job["wwwroot"],
                "state": job["state"],
                "error": job["error"],
                "version_before": (job["result"] or {}).get("before"),
                "version_after": (job["result"] or {}).get("after"),
            }
            for job in run["tenants"]
        ],
    }


def leave_open(port: int, process: subprocess.Popen[bytes]) -> None:
    say(f"\nThe console: http://127.0.0.1:{port}")
    say(f"Log in as admin, password {os.environ['VMOODLE_DEMO_PASSWORD']}")
    say("Ctrl-C stops the demo and removes what it made.")
    process.wait()


if __name__ == "__main__":
    main()
