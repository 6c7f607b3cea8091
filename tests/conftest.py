"""A fleet for the tests: a private MariaDB, sandbox trees, tenants, and runs."""

import os
import select
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from secrets import token_hex
from urllib.parse import urlsplit

import MySQLdb
import pytest
from django.utils import translation
from MySQLdb.constants import CLIENT

from commands import base, tasks
from commands.models import Run
from demo.sandbox.build import VERSIONS, build
from tenants import moodledb, php
from tenants.models import DatabaseServer, Release, Tenant
from tenants.serving.adopt import adopt
from tests.commands.probe import Probe
from tests.emptied import django_db_setup
from tests.pages import blind, console
from tests.schedule import Schedule
from tests.smtp import MailServer

__all__ = ["blind", "console", "django_db_setup"]
ROOT = Path(__file__).resolve().parent.parent
INSTALL = [
    "--agree-license",
    "--adminpass=Test-1234",
    "--adminemail=admin@example.org",
    "--fullname=Site",
    "--shortname=site",
]
MOST = 30  # connections of a test process to its own database servers
AddTenant = Callable[..., Tenant]
RunOf = Callable[..., Run]


@dataclass(frozen=True)
class MariaDb:
    """A server of the tests' own."""

    directory: Path

    @property
    def socket(self) -> str:
        return str(self.directory / "mysqld.sock")

    @property
    def password(self) -> str:
        return (self.directory / "password").read_text().strip()

    def start(self) -> None:
        self._do("start", str(self.directory), "--buffer-pool", "128M")
        # A third of the work of making a table is to keep statistics of it.
        argv = ["mariadb", "--no-defaults", f"--socket={self.socket}"]
        quick = "SET GLOBAL innodb_stats_persistent = OFF"
        subprocess.run([*argv, "-e", quick], check=True)

    def stop(self) -> None:
        self._do("stop", str(self.directory))

    def kill(self) -> None:
        """Kill it, and wait until it is gone: a start would find it running."""
        pid = int((self.directory / "mysqld.pid").read_text())
        with os.fdopen(os.pidfd_open(pid), "rb") as end:
            os.kill(pid, signal.SIGKILL)
            select.select([end], [], [])

    def _do(self, *words: str) -> None:
        # pytest's capturing would wait for the server to close its output.
        subprocess.run(
            [ROOT / "bin/mariadb", *words], check=True, stdout=subprocess.DEVNULL
        )


def pytest_xdist_make_scheduler(config, log) -> Schedule:
    """Share the work of several processes out in our own way."""
    return Schedule(config, log)


def of_its_own() -> Iterator[MariaDb]:
    server = MariaDb(Path(tempfile.mkdtemp("", "db-", os.environ["VMOODLE_VAR_DIR"])))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDb]:
    yield from of_its_own()


@pytest.fixture(scope="session")
def second_mariadb() -> Iterator[MariaDb]:
    yield from of_its_own()


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory that all processes of the test run have in common."""
    path = tmp_path_factory.getbasetemp()
    return path.parent if "PYTEST_XDIST_WORKER" in os.environ else path


@pytest.fixture(autouse=True)
def directories(settings, tmp_path: Path) -> None:
    settings.VMOODLE_BOOT_DIR = tmp_path / "boot"
    settings.VMOODLE_SITES_DIR = tmp_path / "sites"
    settings.VMOODLE_PHP_CACHE_DIR = tmp_path / "opcache"
    settings.VMOODLE_DATA_ROOT = tmp_path / "data"
    settings.VMOODLE_SNAPSHOT_DIR = tmp_path / "snapshots"


@pytest.fixture(autouse=True)
def few_connections() -> Iterator[None]:
    """Close what former tests have left open: one for each server that was entered."""
    yield
    kept = moodledb._local.__dict__.get("connections", {})
    if len(kept) > MOST:
        kept.clear()


@pytest.fixture(autouse=True)
def language_of_the_settings() -> Iterator[None]:
    """Forget the language that a request has activated for its thread."""
    yield
    translation.deactivate()


def registered(name: str, mariadb: MariaDb) -> DatabaseServer:
    return DatabaseServer.objects.create(
        name=name,
        socket=mariadb.socket,
        admin_user="vmoodle",
        admin_password=mariadb.password,
        job_limit=50,
    )


@pytest.fixture
def server(db, mariadb: MariaDb) -> DatabaseServer:
    """Return the registry's row of the tests' MariaDB."""
    return registered("db1", mariadb)


@pytest.fixture
def second_server(db, second_mariadb: MariaDb) -> DatabaseServer:
    """Return the registry's row of another MariaDB."""
    return registered("db2", second_mariadb)


@dataclass(frozen=True)
class Sandbox:
    """A sandbox release: what `build` writes, and its hash, which PHP computes."""

    directories: list[str]
    files: dict[str, bytes]
    versions_hash: str

    def write(self, tree: Path) -> None:
        """Build it once more, in a third of the time."""
        tree.mkdir(parents=True)
        for name in self.directories:
            (tree / name).mkdir()
        for name, content in self.files.items():
            (tree / name).write_bytes(content)


@pytest.fixture(scope="session")
def sandboxes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Sandbox]:
    """Return the sandbox releases by their version."""
    found = {}
    for version in VERSIONS:
        tree = tmp_path_factory.mktemp("sandbox") / version
        build(version, tree)
        paths = {str(path.relative_to(tree)): path for path in sorted(tree.rglob("*"))}
        found[version] = Sandbox(
            [name for name, path in paths.items() if path.is_dir()],
            {name: path.read_bytes() for name, path in paths.items() if path.is_file()},
            php.versions_hash("php", str(tree)),
        )
    return found


@pytest.fixture
def releases(
    db, tmp_path: Path, directories: None, sandboxes: dict[str, Sandbox]
) -> dict[str, Release]:
    """Return the two sandbox releases, 4.2 and 4.3, registered and adopted."""
    found = {}
    for version, sandbox in sandboxes.items():
        tree = tmp_path / "moodle" / version
        sandbox.write(tree)
        release = Release(name=version, path=str(tree))
        release.versions_hash = sandbox.versions_hash
        release.read_version()
        release.save()
        adopt(release)
        found[version] = release
    return found


@pytest.fixture(scope="session")
def dumps() -> dict[str, str]:
    """Return the statements that make a sandbox site, by version and prefix."""
    return {}


def make_site(tenant: Tenant, dumps: dict[str, str]) -> None:
    """Install a sandbox site, or load what the installer made the last time."""
    made = f"{tenant.release.version}-{tenant.db_prefix}"
    if made not in dumps:
        list(php.run(tenant, "admin/cli/install_database.php", INSTALL))
        dumps[made] = dumped(tenant)
        return
    for name in ("cache", "filedir", "localcache"):
        Path(tenant.data_path, name).mkdir(exist_ok=True)
    own = f"{token_hex(16)}{urlsplit(tenant.wwwroot).hostname}"
    table = f"`{tenant.db_prefix}config`"
    last = f"UPDATE {table} SET value = '{own}' WHERE name = 'siteidentifier';"
    # By one connection: a client's process costs as much as all that it would send.
    with (
        closing(
            MySQLdb.connect(
                unix_socket=tenant.server.socket,
                user=tenant.server.admin_user,
                passwd=tenant.server.admin_password,
                db=tenant.db_name,
                charset="utf8mb4",
                client_flag=CLIENT.MULTI_STATEMENTS,
                autocommit=True,
            )
        ) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(dumps[made] + last)
        while cursor.nextset() is not None:
            pass


def dumped(tenant: Tenant) -> str:
    """Return the statements that make the tenant's tables, in an empty database."""
    argv = ["mariadb-dump", "--no-defaults", "--default-character-set=utf8mb4"]
    argv += ["--skip-add-drop-table", "--skip-add-locks", "--skip-disable-keys"]
    return subprocess.run(
        [*argv, f"--socket={tenant.server.socket}", tenant.db_name],
        stdout=subprocess.PIPE,
        encoding="utf-8",
        check=True,
    ).stdout


@pytest.fixture
def add_tenant(
    server: DatabaseServer,
    releases: dict[str, Release],
    dumps: dict[str, str],
    tmp_path: Path,
) -> Iterator[AddTenant]:
    """Return a function that makes a tenant, with a site unless `install=False`."""
    made: list[Tenant] = []

    def add(name: str, release: str = "4.2", *, install: bool = True, **values):
        data = tmp_path / "data" / name
        data.mkdir(parents=True)
        values = {
            "wwwroot": f"https://{name}.example.org",
            "name": f"{name.title()} School",
            "shortname": name,
            "server": server,
            "release": releases[release],
            "db_name": f"t_{os.getpid()}_{name}",
            "db_user": server.admin_user,
            "db_password": server.admin_password,
            "data_path": str(data),
        } | values
        tenant = Tenant.objects.create(**values)
        moodledb.execute(server, f"CREATE DATABASE `{tenant.db_name}`")
        made.append(tenant)
        if install:
            make_site(tenant, dumps)
        return tenant

    yield add
    for tenant in made:
        moodledb.execute(server, f"DROP DATABASE IF EXISTS `{tenant.db_name}`")


@pytest.fixture
def tenant(add_tenant: AddTenant) -> Tenant:
    """Return a tenant with a sandbox site of 4.2."""
    return add_tenant("one")


@pytest.fixture
def rows(server: DatabaseServer) -> Callable[..., list[Tenant]]:
    """Return a function that makes tenants that are rows only: no site, no files."""

    def make(number: int, **values) -> list[Tenant]:
        release, _new = Release.objects.get_or_create(
            name="none", path="/nowhere", version="2023042400", release="4.2"
        )
        first = Tenant.objects.count()
        made = []
        for n in range(first, first + number):
            fields = {
                "wwwroot": f"https://t{n}.example.org",
                "key": f"t{n}.example.org",
                "name": f"T {n}",
                "shortname": f"t{n}",
                "release": release,
                "server": server,
                "db_name": f"t{n}",
                "data_path": f"/data/t{n}",
            }
            made.append(Tenant(**(fields | values)))
        Tenant.objects.bulk_create(made)  # which tells no pks on MySQL
        return list(Tenant.objects.with_edges().order_by("pk")[first:])

    return make


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a file system of its own, with room for two megabytes."""
    disk = tmp_path / "small"
    disk.mkdir()
    if os.getuid() != 0:
        pytest.skip("only root may mount a file system")
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)]
    subprocess.run(mount, check=True)
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.fixture
def probe() -> Iterator[type[Probe]]:
    """Register a command that does what the test tells it to, without PHP."""
    base.register(Probe)
    Probe.script, Probe.done, Probe.skipped = {}, [], {}
    Probe.refused, Probe.held = {}, timedelta(0)
    yield Probe
    del base._commands[base._folded(Probe.name())]


@pytest.fixture
def mail_server(settings) -> Iterator[MailServer]:
    """Return the mail server that mails go to; it is away at first."""
    found = MailServer()
    found.use_for(settings)
    yield found
    found.stop()


@pytest.fixture
def run_of(db) -> RunOf:
    """Return a function that starts a run of a command over tenants."""

    def start(
        command: str,
        tenants: Sequence[Tenant],
        attributes: str = "",
        *,
        canary: Sequence[int] = (),
        **fields,
    ) -> Run:
        run = Run.objects.create(
            command=command,
            attributes=attributes,
            targets=[tenant.pk for tenant in tenants],
            actor="tester",
            **fields,
        )
        run.start(canary=canary)
        return run

    return start


@pytest.fixture
def finished(run_of: RunOf, settings) -> RunOf:
    """Return a function that starts a run and does all its jobs in this process."""
    settings.VMOODLE_LANE_SECONDS = 3600  # all of them, also on a busy machine

    def finish(*args, **fields) -> Run:
        run = run_of(*args, **fields)
        tasks.lane(run.pk)
        run.refresh_from_db()
        return run

    return finish
