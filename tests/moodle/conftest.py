"""Two tenants on a real Moodle, made once for all tests of this directory.

The trees are those of MOODLE_DIRS (separated by ':'), or else the sub-directories of
/opt/moodle; the oldest and the newest are used, and copied first.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import MySQLdb
import pytest

from tests.conftest import ROOT, MariaDb

NAMES = ("north", "south")


def moodle_trees() -> list[Path]:
    """Return the real Moodle trees of this machine, the oldest first."""
    given = os.environ.get("MOODLE_DIRS")
    paths = given.split(":") if given else Path("/opt/moodle").glob("*")
    trees = [Path(path) for path in paths if Path(path, "version.php").is_file()]
    return sorted(trees, key=version)


def version(tree: Path) -> str:
    found = re.search(
        r"^\$version\s*=\s*([\d.]+)", (tree / "version.php").read_text(), re.M
    )
    return found[1] if found else ""


@dataclass
class Fleet:
    """A registry of its own, its workers, and two tenants named after NAMES."""

    home: Path
    mariadb: MariaDb
    old: Path
    new: Path
    environment: dict[str, str]
    servers: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    def manage(self, *words: str, accept: tuple[int, ...] = (0,)) -> str:
        """Return what a management command prints."""
        done = subprocess.run(
            [sys.executable, ROOT / "manage.py", *words],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode in accept, done.stdout + done.stderr
        return done.stdout + done.stderr

    def python(self, code: str) -> None:
        self.manage("shell", "--no-imports", "--verbosity=0", f"--command={code}")

    def url(self, name: str) -> str:
        return f"http://{name}.example.org"

    def data(self, name: str) -> Path:
        return self.home / "data" / name

    def sql(self, name: str, statement: str) -> list[tuple]:
        connection = MySQLdb.connect(
            unix_socket=self.mariadb.socket,
            user="vmoodle",
            passwd=self.mariadb.password,
            db=f"moodle_{name}",
        )
        with connection.cursor() as cursor:
            cursor.execute(statement)
            connection.commit()
            return list(cursor.fetchall())

    def config(self, name: str, setting: str) -> str | None:
        rows = self.sql(name, f"SELECT value FROM mdl_config WHERE name = '{setting}'")
        return rows[0][0] if rows else None

    def page(
        self, name: str, tree: Path, path: str = "/login/index.php"
    ) -> tuple[int, str]:
        """Return status and body of a page, served by PHP's own web server."""
        port = self._serve(tree)
        request = Request(f"http://127.0.0.1:{port}{path}")
        request.add_header("Host", f"{name}.example.org")
        try:
            with urlopen(request, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()

    def _serve(self, tree: Path) -> int:
        port = 18000 + os.getpid() % 1000 + (0 if tree == self.old else 1)
        if len([s for s in self.servers if s.args[-1] == str(tree)]):
            return port
        argv = ["php", "-d", "max_input_vars=6000", "-S", f"127.0.0.1:{port}"]
        server = subprocess.Popen(
            [*argv, "-t", str(tree)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.servers.append(server)
        for _try in range(50):
            try:
                urlopen(f"http://127.0.0.1:{port}/", timeout=5)
            except HTTPError:
                break
            except OSError:
                time.sleep(0.1)
        return port

    def stop(self) -> None:
        for server in self.servers:
            server.terminate()
            server.wait()


@pytest.fixture(scope="module")
def fleet(
    mariadb: MariaDb, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Fleet]:
    trees = moodle_trees()
    if len(trees) < 2:
        pytest.skip(
            "two real Moodle releases are needed: unpack them below /opt/moodle, or "
            f"name them in MOODLE_DIRS (found: {', '.join(map(str, trees)) or 'none'})"
        )
    home = tmp_path_factory.mktemp("moodle")
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "vmoodle_site.settings",
        "VMOODLE_ENV_FILE": os.devnull,
        "SECRET_KEY": "only-for-the-tests",
        "VMOODLE_SECRET_KEYS": "c2VjcmV0LW9ubHktZm9yLXRoZS10ZXN0cy0wMDAwMDA=",
        "VMOODLE_VAR_DIR": str(home / "var"),
        "VMOODLE_WORKERS": "2",
    }
    copies = [copy(tree, home / "trees" / tree.name) for tree in (trees[0], trees[-1])]
    made = Fleet(home, mariadb, *copies, environment)
    register(made)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda name: install(made, name), NAMES))
    yield made
    made.stop()


def copy(tree: Path, target: Path) -> Path:
    """Copy a tree by hard links; what we write later is unlinked first."""
    subprocess.run(["cp", "-al", tree, target], check=False, capture_output=True)
    if not (target / "version.php").is_file():
        shutil.copytree(tree, target, dirs_exist_ok=True)
    (target / "config.php").unlink(missing_ok=True)
    return target


def register(fleet: Fleet) -> None:
    """Fill the fleet's registry, in a process of its own."""
    for name in NAMES:
        fleet.data(name).mkdir(parents=True)
    fleet.manage("migrate", "--verbosity=0")
    subprocess.run(
        [
            *(sys.executable, "-m", "tests.moodle.register"),
            *(fleet.mariadb.socket, fleet.mariadb.password),
            *(fleet.old, fleet.new, fleet.home / "data", *NAMES),
        ],
        env=fleet.environment,
        cwd=ROOT,
        check=True,
    )


def install(fleet: Fleet, name: str) -> None:
    """Install a site with Moodle's own installer, chosen by --host."""
    done = subprocess.run(
        [
            *("php", "-d", "max_input_vars=6000"),
            *("-d", "opcache.enable_cli=1", "-d", "opcache.file_cache_only=1"),
            *("-d", f"opcache.file_cache={fleet.home}"),
            str(fleet.old / "admin/cli/install_database.php"),
            f"--host={fleet.url(name)}",
            *("--agree-license", "--adminpass=Test-1234", "--adminemail=a@example.org"),
            f"--fullname={name.title()} School",
            f"--shortname={name}",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr


@pytest.fixture
def workers(fleet: Fleet) -> Iterator["subprocess.Popen[bytes]"]:
    """Run the workers of the fleet's registry."""
    process = subprocess.Popen(
        [sys.executable, ROOT / "manage.py", "worker", "jobs"], env=fleet.environment
    )
    yield process
    process.send_signal(signal.SIGTERM)
    process.wait(120)
