"""Tenants' data directories. Nothing else touches them.

Where PHP runs as the web server's user, so does every change made here.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings

from tenants.errors import VMoodleError

if TYPE_CHECKING:  # models imports this module's neighbours
    from tenants.models import Tenant

# What a purge or a change of code tree makes stale; Moodle builds them again.
CACHES = ("cache", "localcache")


class FilesError(VMoodleError):
    """A data directory is missing, or may not be written."""


def maintenance_file(tenant: "Tenant") -> Path:
    """Return the file whose presence makes Moodle answer 503 before anything else."""
    return Path(tenant.data_path, "climaintenance.html")


def in_maintenance(tenant: "Tenant") -> bool:
    with _readable(tenant):
        return maintenance_file(tenant).exists()


def maintenance_page(tenant: "Tenant") -> str:
    """Return what visitors are told, "" when the tenant is not in maintenance."""
    path = maintenance_file(tenant)
    with _readable(tenant), suppress(FileNotFoundError):
        return path.read_text(encoding="utf-8", errors="replace")
    return ""


def enter_maintenance(tenant: "Tenant", html: str) -> None:
    """Put the tenant in maintenance, in one step, without PHP or database."""
    path = maintenance_file(tenant)
    with _readable(tenant):
        there = path.parent.is_dir()
    if not there:
        raise FilesError(f"data path {path.parent} is not there: create or correct it")
    fresh = path.with_suffix(".new")
    as_owner(["tee", str(fresh)], html)
    as_owner(["mv", "-f", str(fresh), str(path)])


def leave_maintenance(tenant: "Tenant") -> None:
    """Take the tenant out of maintenance; no error when it was not in it."""
    as_owner(["rm", "-f", str(maintenance_file(tenant))])


def clear_caches(tenant: "Tenant") -> None:
    """Remove the cache directories, which hold paths of the former code tree."""
    paths = [str(Path(tenant.data_path, name)) for name in CACHES]
    as_owner(["rm", "-rf", "--", *paths])


def make_directory(path: str) -> None:
    """Make a directory where Moodle shall write, with those above it."""
    as_owner(["mkdir", "-p", "--", path])


def size(path: str) -> int:
    """Return the bytes of a file that Moodle has written; raise FilesError."""
    return int(as_owner(["stat", "--format=%s", "--", path]))


@contextmanager
def _readable(tenant: "Tenant") -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        raise FilesError(
            f"data path {tenant.data_path} may not be read ({error.filename}): let the "
            "user that VMoodle runs as in, such as by the web server's group"
        ) from error


def as_owner(argv: list[str], text: str = "") -> str:
    """Return what a program prints that runs as the web server's user."""
    return as_user(settings.VMOODLE_WEB_USER, argv, text)


def as_user(user: str, argv: list[str], text: str = "") -> str:
    """Return what a program prints that runs as another user; "": as our own."""
    sudo = ["sudo", "-n", "-u", user, "--"] if user else []
    done = subprocess.run(  # noqa: S603 - an argument list, no shell
        [*sudo, *argv],
        input=text,
        capture_output=True,
        env={"PATH": os.defpath},
        encoding="utf-8",
        errors="surrogateescape",  # names of files are bytes
        check=False,
    )
    if done.returncode != 0:
        raise FilesError(done.stderr.strip() or f"{argv[0]} failed on {argv[-1]}")
    return done.stdout
