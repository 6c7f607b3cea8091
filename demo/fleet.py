"""The fleet of the demo: code trees and tenants. Imported once Django is set up."""

import re
import secrets
import shutil
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from demo.sandbox.build import VERSIONS, build
from tenants import moodledb, php
from tenants.models import DatabaseServer, Release, Tenant
from tenants.serving.adopt import adopt

TENANTS = ("north", "south", "east", "west")
GENERATOR = "admin/tool/generator/cli/maketestcourse.php"
LINGER = 3  # seconds an upgrade of the sandbox takes, else nobody could look


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def sandbox_trees(home: Path) -> list[Release]:
    """Make the trees of the stand-in; return their releases, the older first."""
    for version in VERSIONS:
        build(version, home / version)
    return [register(home / version, version) for version in VERSIONS]


def moodle_trees(home: Path, given: list[Path]) -> list[Release]:
    """Copy real trees; return their releases, the older first."""
    drafts = []
    for source in given:
        draft = Release(path=str(source))
        draft.read_version()
        drafts.append(draft)
    releases = []
    for draft in sorted(drafts, key=lambda draft: float(draft.version)):
        name = re.sub(r"[^A-Za-z0-9._-]", "-", draft.release.split()[0])
        if (home / name).exists():
            sys.exit(f"There are two trees of Moodle {name}: give one of each release")
        say(f"Copying {draft.path}")
        try:
            shutil.copytree(Path(draft.path).resolve(), home / name, symlinks=True)
        except shutil.Error as error:
            [_from, _to, why] = error.args[0][0]  # the first of many
            raise OSError(f"{draft.path} cannot be copied: {why}") from error
        releases.append(register(home / name, name))
    return releases


def register(tree: Path, name: str) -> Release:
    release = Release(name=name, path=str(tree))
    release.full_clean()
    release.refresh()
    adopt(release)
    return release


def tenants(server: DatabaseServer, release: Release, data: Path, port: int) -> None:
    """Create the tenants and install a site in each, two at once."""
    made = [create(name, server, release, data / name, port) for name in TENANTS]
    stopping = threading.Event()
    pool = ThreadPoolExecutor(2)
    try:
        list(pool.map(lambda tenant: install(tenant, stopping), made))
    finally:
        stopping.set()
        pool.shutdown(cancel_futures=True)
    say(f"Installed {len(made)} tenants on {release}")


def create(
    name: str, server: DatabaseServer, release: Release, data: Path, port: int
) -> Tenant:
    moodledb.execute(
        server,
        f"CREATE DATABASE demo_{name} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci",
    )
    data.mkdir(parents=True)
    tenant = Tenant(
        wwwroot=f"http://{name}.localhost:{port}",
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


def install(tenant: Tenant, stopping: threading.Event) -> None:
    say(f"Installing {tenant.wwwroot}")
    options = [
        "--agree-license",
        f"--adminpass={secrets.token_urlsafe(16)}-aA1",
        "--adminemail=admin@example.org",
        f"--fullname={tenant.name}",
        f"--shortname={tenant.shortname}",
    ]
    with closing(php.run(tenant, "admin/cli/install_database.php", options)) as lines:
        try:
            for _line in lines:
                if stopping.is_set():
                    return
        except php.PhpError as error:
            told = f"{tenant.wwwroot} cannot be installed: {error}"
            raise php.PhpError(told) from error


def linger() -> None:
    """Make the sandbox's upgrade take as long as one likes to look at."""
    for tenant in Tenant.objects.with_edges():
        table = moodledb.table(tenant, "config")
        sql = f"INSERT INTO {table} (name, value) VALUES (%s, %s)"  # noqa: S608
        moodledb.execute(tenant.server, sql, ["sandbox_upgrade_seconds", str(LINGER)])


def courses() -> None:
    """Make a course in each tenant of the sandbox, to try things on."""
    words = ["--shortname=maths", "--size=XS", "--bypasscheck", "--quiet"]
    for tenant in Tenant.objects.with_edges():
        list(php.run(tenant, GENERATOR, words))
