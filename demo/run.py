"""The demo: a fleet of four tenants, upgraded while you watch. Run by bin/demo.

Everything it makes lies in `var/demo`, and goes when it ends.
"""

import argparse
import fcntl
import json
import os
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / "var" / "demo"
SHELL = HOME / "env"  # read by a shell that is to be at work on the demo
PORT = 8000
LAST_PORT = 65535
SITES = 100  # the tenants' port is so much above that of the console
END_WITH_US = ("setpriv", "--pdeathsig", "TERM")  # should we be killed
sys.path.insert(0, str(ROOT))

from tenants.errors import VMoodleError  # noqa: E402


def main() -> None:
    options = arguments()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    with alone() as lock:
        try:
            result = run(options, lock)
        except (VMoodleError, OSError) as error:
            sys.exit(f"bin/demo: {error}")
        finally:
            shutil.rmtree(HOME, ignore_errors=True)
    if options.once:
        sys.stdout.write(json.dumps(result, indent=2) + "\n")
        sys.exit(1 if result["failed"] else 0)


def stop(number: int, frame: object) -> None:
    """End in good order; a second signal does not cut that short."""
    for other in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(other, signal.SIG_IGN)
    say("Stopping")
    sys.exit(128 + number)


def run(options: argparse.Namespace, lock: int) -> dict[str, Any]:
    with database() as account, django(options.port):
        # Models cannot be imported before Django is set up.
        from demo import fleet, sites
        from tenants.models import DatabaseServer

        trees = HOME / "moodle"
        releases = (
            fleet.moodle_trees(trees, options.moodle)
            if options.moodle
            else fleet.sandbox_trees(trees)
        )
        server = DatabaseServer.objects.create(name="demo", **account)
        port = options.port + SITES
        fleet.tenants(server, releases[0], HOME / "data", port)
        if not options.moodle:
            fleet.linger()
            fleet.courses()
        refuse_taken(options)  # all this took its time
        with ExitStack() as stack:
            if not options.once:
                log = HOME / "sites.log"
                stack.enter_context(sites.serve(HOME / "sites", port, log))
            process = stack.enter_context(workers(options, lock))
            result = upgrade(releases[-1].name)
            if not options.once:
                leave_open(options.port, process)
    return result


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bin/demo", description=__doc__, allow_abbrev=False
    )
    parser.add_argument(
        "--once", action="store_true", help="Print the result as JSON and exit."
    )
    parser.add_argument(
        "--moodle",
        action="append",
        nargs="+",
        type=Path,
        default=[],
        metavar="DIR",
        help="A real Moodle tree, at best two releases; copied, not changed.",
    )
    parser.add_argument(
        "--port",
        type=int,
        default=PORT,
        help=f"Port of the console; the sites have this plus {SITES}.",
    )
    options = parser.parse_args()
    options.moodle = [tree for trees in options.moodle for tree in trees]
    for tree in options.moodle:
        if not any((tree / sub / "version.php").is_file() for sub in ("", "public")):
            parser.exit(2, f"bin/demo: {tree} is no Moodle: it has no version.php\n")
    if not 0 < options.port <= LAST_PORT - SITES:
        said = f"--port {options.port}: give one from 1 to {LAST_PORT - SITES}"
        parser.exit(2, f"bin/demo: {said}\n")
    refuse_taken(options)
    return options


def refuse_taken(options: argparse.Namespace) -> None:
    """End where another process has a port that is to be ours."""
    for port in (options.port, options.port + SITES):
        if not options.once and not is_free(port):
            say(f"bin/demo: port {port} is in use: choose others with --port")
            sys.exit(2)


def is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


@contextmanager
def alone() -> Iterator[int]:
    """Start afresh, without what a killed demo left; refuse while another runs.

    Yield the lock, for those who may outlive us: they work in the same directory.
    """
    directory = os.open(Path(__file__).parent, os.O_RDONLY)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(
            "A demo is running already, or its workers are still ending: "
            "stop it (Ctrl-C in its window), or wait a moment"
        )
    if HOME.exists():
        subprocess.run([ROOT / "bin/mariadb", "stop", HOME / "db"], check=False)
        shutil.rmtree(HOME)
    HOME.mkdir(parents=True)
    yield directory
    os.close(directory)


@contextmanager
def database() -> Iterator[dict[str, str]]:
    """Run a private MariaDB with its own directory and socket."""
    server = [str(ROOT / "bin/mariadb"), "start", str(HOME / "db")]
    # In a session of its own: Ctrl-C would leave a start half done.
    starting = subprocess.Popen(server, stdout=sys.stderr, start_new_session=True)
    try:
        if starting.wait() != 0:
            sys.exit("The database did not start: see what it printed above")
        yield {
            "socket": str(HOME / "db/mysqld.sock"),
            "admin_user": "vmoodle",
            "admin_password": (HOME / "db/password").read_text().strip(),
        }
    finally:
        starting.wait()
        server[1] = "stop"
        subprocess.run(server, check=False, stdout=sys.stderr, start_new_session=True)


@contextmanager
def django(port: int) -> Iterator[None]:
    """Set up Django on a registry of the demo's own."""
    chosen = environment(port)
    os.environ.update(chosen, DJANGO_RUNSERVER_HIDE_WARNING="true")
    SHELL.write_text(for_a_shell(chosen), encoding="utf-8")
    import django as framework
    from django.core.management import call_command

    framework.setup()
    call_command("migrate", verbosity=0)
    yield


def environment(port: int) -> dict[str, str]:
    """Return what the settings take from the environment."""
    return {
        "DJANGO_SETTINGS_MODULE": "vmoodle_site.settings",
        "DEBUG": "false",  # else pages that are not there look like Django's, not ours
        "VMOODLE_VAR_DIR": str(HOME),
        "VMOODLE_BOOT_DIR": str(HOME / "boot"),
        "VMOODLE_SITES_DIR": str(HOME / "sites"),
        "VMOODLE_PHP_CACHE_DIR": str(HOME / "opcache"),
        "VMOODLE_CONSOLE_URL": f"http://127.0.0.1:{port}",
        "DATABASE_URL": f"sqlite:///{HOME / 'registry.sqlite3'}",
        "EMAIL_URL": f"filemail:///{HOME / 'mail'}",
        "VMOODLE_WORKERS": str(os.cpu_count() or 2),
        "VMOODLE_TECHOPERATOR": "operator@example.org",
    }


def for_a_shell(chosen: dict[str, str]) -> str:
    """Return lines after which a shell finds manage.py, which finds the demo."""
    where = f"{ROOT / '.venv/bin'}:{ROOT}"
    lines = [f"{name}={shlex.quote(value)}" for name, value in chosen.items()]
    return "".join(
        f"export {line}\n" for line in [*lines, f"PATH={shlex.quote(where)}:$PATH"]
    )


@contextmanager
def workers(
    options: argparse.Namespace, lock: int
) -> Iterator[subprocess.Popen[bytes]]:
    """Run the workers, and the console unless the demo ends by itself."""
    if not options.once:
        account()
        static()
    argv = [sys.executable, str(ROOT / "manage.py"), "dev", f"--port={options.port}"]
    process = subprocess.Popen(
        [*END_WITH_US, *argv, *(["--no-web"] if options.once else [])],
        stdout=sys.stderr,
        start_new_session=True,
        pass_fds=(lock,),
    )
    try:
        wait_for_workers(process)
        if not options.once:
            tell(options.port)
        yield process
    finally:
        process.terminate()
        process.wait()


def account() -> None:
    """Make the login of the console."""
    from django.contrib.auth.models import User

    password = secrets.token_urlsafe(9)
    User.objects.create_superuser("admin", "admin@example.org", password)
    os.environ["VMOODLE_DEMO_PASSWORD"] = password


def static() -> None:
    """Put the console's style sheets and scripts where it finds them."""
    from django.core.management import call_command

    call_command("collectstatic", interactive=False, verbosity=0)


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
    from tenants.models import Tenant

    say(f"Upgrading the fleet: manage.py bulkupgrade --to-release={release}")
    argv = [sys.executable, str(ROOT / "manage.py"), "bulkupgrade", "--json"]
    done = subprocess.run(
        [*END_WITH_US, *argv, f"--to-release={release}"],
        stdout=subprocess.PIPE,
        check=False,
    )
    if not done.stdout:
        sys.exit("bulkupgrade did not run: see what it printed above")
    run = json.loads(done.stdout)
    say(", ".join(f"{n} {state}" for state, n in run["counts"].items() if n))
    seen = dict(Tenant.objects.values_list("wwwroot", "seen_version"))
    return {
        "run": run["run"],
        **run["counts"],
        "seconds": run["seconds"],
        "tenants": [outcome(job, seen[job["wwwroot"]]) for job in run["tenants"]],
    }


def outcome(job: dict[str, Any], seen: str) -> dict[str, str]:
    """Return what became of a tenant; what was not upgraded has one version."""
    result = job["result"] or {}
    return {
        "wwwroot": job["wwwroot"],
        "state": job["state"],
        "error": job["error"],
        "version_before": result.get("before", seen),
        "version_after": result.get("after", seen),
    }


def leave_open(port: int, process: subprocess.Popen[bytes]) -> None:
    tell(port)
    say("Ctrl-C stops the demo and removes what it made.")
    sys.exit(process.wait() or 1)


def tell(port: int) -> None:
    say(f"\nThe console: http://127.0.0.1:{port}")
    say(f"Log in as admin, password {os.environ['VMOODLE_DEMO_PASSWORD']}")
    say(f"A shell runs the lines that it shows after: . {shlex.quote(str(SHELL))}\n")


if __name__ == "__main__":
    main()
