"""Two tenants on a real Moodle, made once by Moodle's own installer.

The trees are those of MOODLE_DIRS (separated by ':'), or else the sub-directories of
/opt/moodle; the oldest and the newest are used. They are copied, never written to.

`fleet` is used from outside, as an operator does; `campus` in this process, for
commands: two sites on the newest release. Dumps of the sites are kept for the other
processes of the test run; VMOODLE_TEST_CACHE names a directory where they are kept
for the next one, which saves a minute.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tenants.models import Release, Tenant
from tests.boot import fpm
from tests.conftest import MariaDb, registered
from tests.moodle.fleet import (
    PATIENCE,
    Fleet,
    copy_tree,
    eventually,
    free_port,
    moodle_trees,
    near,
    url,
    version,
)
from tests.webserver import Server, running

INSTALLED = ("north", "south")
SPARE = "west"
PASSWORD = "Quite-long-1"  # of the administrators
CAMPUS = ("alpha", "beta")
LOOKED = """
if (is_file($GLOBALS['CFG']->dataroot . '/looked')) {
    file_put_contents($GLOBALS['CFG']->dataroot . '/looked', '.', FILE_APPEND);
}
"""
REQUIRES = r"(requires\s*=\s*)[\d.]+"
UTF8 = "CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the first of them, which also makes the sites, the time that it takes."""
    for item in items:
        if item.get_closest_marker("moodle"):
            item.add_marker(pytest.mark.timeout(900))


@pytest.fixture(scope="session")
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


@pytest.fixture(scope="session")
def grounds(
    moodles: tuple[Path, Path],
    mariadb: MariaDb,
    shared: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Fleet]:
    """Return a fleet whose tenants are registered, but for `INSTALLED`, and no site."""
    home = tmp_path_factory.mktemp("moodle")
    made = Fleet(home, mariadb, environment(home))
    copy_trees(home / "trees", *(near(tree, shared) for tree in moodles))
    made.manage("migrate", "--verbosity=0")
    made.registry("fill", str(home), mariadb.socket, mariadb.password)
    for name in (SPARE, *CAMPUS):
        register(made, name)
    yield made
    made.stop()
    shutil.rmtree(home)  # the databases go with their server


@pytest.fixture(scope="session")
def dumps(shared: Path) -> Path:
    """Return the directory where dumps of sites are kept."""
    path = Path(os.environ.get("VMOODLE_TEST_CACHE", shared / "dumps"))
    path.mkdir(parents=True, exist_ok=True)
    return path


@contextmanager
def only_one(dumps: Path) -> Iterator[None]:
    """Wait while another process makes the sites."""
    with (dumps / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def fleet(grounds: Fleet, dumps: Path) -> Fleet:
    """Return the fleet: `north` and `south` installed, `west` for a spare."""
    with only_one(dumps):
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(partial(install, grounds, dumps), INSTALLED))
        load(grounds, SPARE, old_dump(grounds, dumps))
        if not newest_dump(grounds, dumps).is_file():
            upgrade(grounds, dumps)
    return grounds


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
    """Copy them, the newer twice: one has a plugin that needs a Moodle to come.

    The other one counts in `looked` of a data directory, where there is such a file,
    how often Moodle looks through the plugins for caches.
    """
    trees.mkdir()
    for name, source in (("old", old), ("new", new), ("broken", trees / "new")):
        copy_tree(source, trees / name)
        # Of a pristine tree or of a used one; a new file, never through a link.
        (trees / name / "config.php").unlink(missing_ok=True)
        # What a page shows whose it is, though a release may leave it as it was.
        change(trees / name / "lib/javascript-static.js", r"\Z", f"\n// {name}\n")
    change(trees / "broken/mod/page/version.php", REQUIRES, r"\g<1>2999010100")
    change(trees / "new/lib/db/caches.php", r"\Z", LOOKED)


def change(file: Path, pattern: str, by: str) -> None:
    """Replace a text in a file of a copied tree, never through a link."""
    text = file.read_text(encoding="utf-8")
    file.unlink()
    file.write_text(re.sub(pattern, by, text))


def register(fleet: Fleet, name: str) -> None:
    """Enter a tenant without a site in the registry."""
    fleet.data(name).mkdir(parents=True)
    fleet.registry("register", name, str(fleet.data(name)), fleet.mariadb.password)


def install(fleet: Fleet, dumps: Path, name: str) -> None:
    """Make a tenant by Moodle's installer and dump it, or of the dump that was made."""
    dump = dump_of(fleet.tree("old"), dumps, name)
    if dump.is_file():
        register(fleet, name)
        load(fleet, name, dump)
        return
    secret = fleet.home / f"{name}.secret"
    secret.write_text(f"{PASSWORD}\n")
    said = fleet.manage(
        *("createnode", f"--host={url(name)}", f"--name={name.title()} School"),
        *(f"--shortname={name}", "--origin=install", "--release=old", "--server=db"),
        *("--admin-email=admin@example.org", f"--admin-password-file={secret}"),
        *(f"--data-path={fleet.data(name)}", "--force-dns"),
        patience=4 * PATIENCE,
    )
    # Other tests of this process look for databases that are half made.
    fleet.sql(f"ALTER DATABASE moodle_{name} COMMENT ''")
    dump_site(fleet, name, dump)
    rights = fleet.sql(f"SHOW GRANTS FOR vm_{name}@localhost")
    dump.with_suffix(".said").write_text(said + rights)


def upgrade(fleet: Fleet, dumps: Path) -> None:
    """Bring `north` and `south` to the newest release; dump the first."""
    for name in INSTALLED:
        assert fleet.version(name) == version(fleet.tree("old"))
        (fleet.data(name) / "looked").touch()
    with nullcontext() if clusters(fleet) else at_work(fleet):
        fleet.report = fleet.bulkupgrade("new", *INSTALLED)
    dump_site(fleet, INSTALLED[0], newest_dump(fleet, dumps))


def dump_of(tree: Path, dumps: Path, name: str) -> Path:
    code = hashlib.sha256((tree / "version.php").read_bytes()).hexdigest()[:16]
    return dumps / code / f"{name}.sql"


def old_dump(fleet: Fleet, dumps: Path) -> Path:
    return dump_of(fleet.tree("old"), dumps, INSTALLED[0])


def newest_dump(fleet: Fleet, dumps: Path) -> Path:
    return dump_of(fleet.tree("new"), dumps, "newest")


def dump_site(fleet: Fleet, name: str, path: Path) -> None:
    argv = ["mariadb-dump", "--no-defaults", f"--socket={fleet.mariadb.socket}"]
    path.parent.mkdir(exist_ok=True)
    fresh = path.with_suffix(f".{os.getpid()}")
    with fresh.open("wb") as file:
        subprocess.run([*argv, f"moodle_{name}"], stdout=file, check=True)
    fresh.replace(path)


def load(fleet: Fleet, name: str, dump: Path) -> None:
    """Make a tenant as the dumped site was."""
    shutil.rmtree(fleet.data(name))
    fleet.data(name).mkdir()
    database = f"moodle_{name}"
    fleet.sql(f"DROP DATABASE {database}; CREATE DATABASE {database} {UTF8}")
    argv = ["mariadb", "--no-defaults", f"--socket={fleet.mariadb.socket}", database]
    with dump.open("rb") as file:
        subprocess.run(argv, stdin=file, check=True)


@pytest.fixture
def spare(fleet: Fleet, dumps: Path) -> str:
    """Return the name of a tenant on the older release that a test may spoil."""
    if fleet.version(SPARE) != version(fleet.tree("old")):
        load(fleet, SPARE, old_dump(fleet, dumps))
    fleet.pin(SPARE, "old")
    return SPARE


@contextmanager
def at_work(fleet: Fleet) -> Iterator[None]:
    """Run real workers of the fleet's registry."""
    process = fleet.start("manage.py", "worker", "jobs")
    try:
        eventually(lambda: clusters(fleet) == 1, "no worker started")
        yield
    finally:
        process.terminate()
        _out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err


def clusters(fleet: Fleet) -> int:
    [(number,)] = fleet.in_registry("SELECT count(*) FROM commands_cluster")
    return int(number)


@pytest.fixture(scope="module")
def workers(fleet: Fleet) -> Iterator[None]:
    with at_work(fleet):
        yield


@pytest.fixture(scope="session")
def upgraded(fleet: Fleet, dumps: Path) -> dict[str, Any]:
    """Return the report of the upgrade of `north` and `south` to the newest release."""
    if not fleet.report:
        upgrade(fleet, dumps)
    return fleet.report


@pytest.fixture
def front(fleet: Fleet, newest_sites: Fleet, tmp_path: Path) -> Iterator[Server]:
    """Run nginx and php-fpm before both releases, by what `webconfig` prints."""
    port = free_port()
    (tmp_path / "fpm").mkdir()
    with fpm.running(tmp_path / "fpm", display_errors="0") as php:
        text = fleet.manage("webconfig", f"--php-socket={php.path}")
        text = re.sub(r"(listen (?:\[::\]:)?)80\b", rf"\g<1>{port}", text)
        with running("nginx", tmp_path, text, port) as server:
            yield server


@pytest.fixture(scope="session")
def newest_sites(grounds: Fleet, dumps: Path, request: pytest.FixtureRequest) -> Fleet:
    """Return the fleet with the campus's sites on the newest release."""
    dump = newest_dump(grounds, dumps)
    with only_one(dumps):
        made = dump.is_file()
    if not made:
        request.getfixturevalue("fleet")
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(partial(load, grounds, dump=dump), CAMPUS))
    for name in CAMPUS:
        grounds.pin(name, "new")
    return grounds


@pytest.fixture
def campus(newest_sites: Fleet, db, settings) -> tuple[Tenant, Tenant]:
    """Return two tenants, `alpha`, the main one, and `beta`, in this registry.

    Their sites last as long as the test run: leave no trace, or none that matters.
    """
    fleet = newest_sites
    var = fleet.home / "var"
    settings.VMOODLE_BOOT_DIR, settings.VMOODLE_SITES_DIR = var / "boot", var / "sites"
    settings.VMOODLE_PHP_CACHE_DIR = var / "opcache"
    server = registered("db", fleet.mariadb)
    release = Release(name="new", path=str(fleet.tree("new")))
    release.refresh()
    first, second = (
        Tenant.objects.create(
            wwwroot=url(name),
            name=f"{name.title()} School",
            shortname=name,
            release=release,
            server=server,
            db_name=f"moodle_{name}",
            db_user="vmoodle",
            db_password=fleet.mariadb.password,
            data_path=str(fleet.data(name)),
            is_main=name == CAMPUS[0],
        )
        for name in CAMPUS
    )
    return first, second
