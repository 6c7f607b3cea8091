"""Two tenants on a real Moodle, made once by Moodle's own installer.

The trees are those of MOODLE_DIRS (separated by ':'), or else the sub-directories of
/opt/moodle; the oldest and the newest are used. They are copied, never written to.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.conftest import MariaDb
from tests.moodle.fleet import PATIENCE, Fleet, eventually, moodle_trees, version

INSTALLED = ("north", "south")
SPARE = "west"
UTF8 = "CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci"


@pytest.fixture(scope="module")
def moodles() -> tuple[Path, Path]:
    """Return the oldest and the newest Moodle tree of this machine."""
    trees = moodle_trees()
    if len(trees) < 2:
        found = ", ".join(map(str, trees)) or "none"
        pytest.skip(
            "two real Moodle releases are needed: unpack them below /opt/moodle, or "
            f"name their directories in MOODLE_DIRS, separated by ':' (found: {found})"
        )
    return trees[0], trees[-1]


@pytest.fixture(scope="module")
def fleet(
    moodles: tuple[Path, Path],
    mariadb: MariaDb,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Fleet]:
    """Return the fleet: `north` and `south` installed, `west` for a spare."""
    home = tmp_path_factory.mktemp("moodle")
    made = Fleet(home, mariadb, environment(home))
    copy_trees(home / "trees", *moodles)
    names = (*INSTALLED, SPARE)
    for name in names:
        made.data(name).mkdir(parents=True)
    made.manage("migrate", "--verbosity=0")
    made.registry("fill", str(home), mariadb.socket, mariadb.password, *names)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda name: made.registry("install", name), INSTALLED))
    with (home / "north.sql").open("wb") as dump:
        argv = ["mariadb-dump", "--no-defaults", f"--socket={mariadb.socket}"]
        subprocess.run([*argv, "moodle_north"], stdout=dump, check=True)
    load(made, SPARE)
    yield made
    made.stop_servers()
    for name in names:
        made.sql(f"DROP DATABASE moodle_{name}")
    shutil.rmtree(home)


def environment(home: Path) -> dict[str, str]:
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "vmoodle_site.settings",
        "VMOODLE_ENV_FILE": os.devnull,
        "SECRET_KEY": "only-for-the-tests",
        "VMOODLE_SECRET_KEYS": "c2VjcmV0LW9ubHktZm9yLXRoZS10ZXN0cy0wMDAwMDA=",
        "VMOODLE_VAR_DIR": str(home / "var"),
        "VMOODLE_BOOT_DIR": str(home / "var/boot"),
        "VMOODLE_SITES_DIR": str(home / "var/sites"),
        "VMOODLE_PHP_CACHE_DIR": str(home / "var/opcache"),
        "DATABASE_URL": f"sqlite:///{home}/var/registry.sqlite3",
        "VMOODLE_WORKERS": "2",
    }


def copy_trees(trees: Path, old: Path, new: Path) -> None:
    """Copy them, the newer twice: one has a plugin that needs a Moodle to come."""
    trees.mkdir()
    for name, source in (("old", old), ("new", new), ("broken", new)):
        linked = subprocess.run(
            ["cp", "-al", source.resolve(), trees / name],
            check=False,
            capture_output=True,
        )
        if linked.returncode != 0:  # another file system, or not our files
            shutil.copytree(source, trees / name, symlinks=True, dirs_exist_ok=True)
        # Of a pristine tree or of a used one; a new file, never through a link.
        (trees / name / "config.php").unlink(missing_ok=True)
    plugin = trees / "broken/mod/page/version.php"
    text = plugin.read_text(encoding="utf-8")
    plugin.unlink()
    plugin.write_text(re.sub(r"(requires\s*=\s*)[\d.]+", r"\g<1>2999010100", text))


def load(fleet: Fleet, name: str) -> None:
    """Make a tenant as `north` was when it was installed."""
    shutil.rmtree(fleet.data(name))
    fleet.data(name).mkdir()
    database = f"moodle_{name}"
    fleet.sql(f"DROP DATABASE {database}; CREATE DATABASE {database} {UTF8}")
    with (fleet.home / "north.sql").open("rb") as dump:
        argv = ["mariadb", "--no-defaults", f"--socket={fleet.mariadb.socket}"]
        subprocess.run([*argv, database], stdin=dump, check=True)


@pytest.fixture
def spare(fleet: Fleet) -> str:
    """Return the name of a tenant on the older release that a test may spoil."""
    if fleet.version(SPARE) != version(fleet.tree("old")):
        load(fleet, SPARE)
    fleet.pin(SPARE, "old")
    return SPARE


@pytest.fixture(scope="module")
def workers(fleet: Fleet) -> Iterator[None]:
    """Run real workers of the fleet's registry."""
    process = fleet.start("manage.py", "worker", "jobs")
    count = "SELECT count(*) FROM commands_cluster"
    eventually(lambda: fleet.in_registry(count) == [(1,)], "no worker started")
    yield
    process.terminate()
    _out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err
