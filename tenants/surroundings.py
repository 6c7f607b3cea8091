"""Django's system checks of our settings: `manage.py check`, and before most commands.

A value that cannot be right is an error. What only some work needs, such as a directory
that may not be written, is a warning: who reads results needs less than a worker.
"""

import grp
import os
import pwd
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection

from tenants.fields import keyring
from tenants.serving.boot import PublishError, fleet_values

URLS = ("VMOODLE_CONSOLE_URL", "VMOODLE_WEB_ADDRESS")
WRITTEN = (
    "VAR_DIR",
    "VMOODLE_BOOT_DIR",
    "VMOODLE_SITES_DIR",
    "VMOODLE_PHP_CACHE_DIR",
    "VMOODLE_DATA_ROOT",
    "VMOODLE_SNAPSHOT_DIR",
)
AT_LEAST = {
    "VMOODLE_SNAPSHOT_KEEP": 1,
    "VMOODLE_SNAPSHOT_DAYS": 1,
    "VMOODLE_PURGE_DAYS": 0,
    "VMOODLE_FINAL_DAYS": 1,
    "VMOODLE_RUN_DAYS": 0,
    "VMOODLE_WORKERS": 1,
    "VMOODLE_JOB_MAX_SECONDS": 1,
    "VMOODLE_LANE_SECONDS": 1,
    "VMOODLE_OUTPUT_CAP": 131_072,
    "VMOODLE_HEARTBEAT_TIMEOUT": 10,
    "VMOODLE_DATABASE_WAIT": 0,
    "VMOODLE_WATCH_SECONDS": 1,
}
PROGRAMS = ("php", "setpriv", "mariadb", "mariadb-dump")
NAMES = {"VAR_DIR": "VMOODLE_VAR_DIR"}


def check_settings(**options: Any) -> list[CheckMessage]:
    """Return what is wrong with the settings, each with what to do."""
    return [*_values(), *_accounts(), *as_root(), *_directories(), *_programs()]


def check_registry(
    databases: Sequence[str] | None = None, **options: Any
) -> list[CheckMessage]:
    """Return that the registry cannot hold what a site may print, if it is asked."""
    found = ("utf8mb4",)
    if databases and connection.vendor == "mysql":
        with suppress(DatabaseError), connection.cursor() as cursor:
            cursor.execute("SELECT @@character_set_database")
            found = cursor.fetchone()
    if found[0] == "utf8mb4":
        return []
    hint = "ALTER DATABASE and its tables to CHARACTER SET utf8mb4"
    said = f"the registry is of the character set {found[0]}"
    return [Error(said, hint=hint, id="vmoodle.E007")]


def _values() -> Iterator[CheckMessage]:
    for name in URLS:
        value = getattr(settings, name)
        if (value or name == URLS[0]) and not _is_url(value):
            hint = "give it as https://host or https://host:port"
            yield Error(f"{name}: {value!r} is no URL", hint=hint, id="vmoodle.E001")
    for name, least in AT_LEAST.items():
        if getattr(settings, name) < least:
            said = f"{name} is {getattr(settings, name)}"
            hint = f"give a number of at least {least}"
            yield Error(said, hint=hint, id="vmoodle.E002")
    try:
        keyring()
    except ImproperlyConfigured as error:
        yield Error(str(error), id="vmoodle.E003")
    try:
        fleet_values()
    except PublishError as error:
        yield Error(str(error), id="vmoodle.E004")


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and port != 0


def _accounts() -> Iterator[CheckMessage]:
    """Find users and groups that are not there, or cannot be used."""
    known = {
        "VMOODLE_WEB_USER": pwd.getpwnam,
        "VMOODLE_SUDO_USER": pwd.getpwnam,
        "VMOODLE_WEB_GROUP": grp.getgrnam,
    }
    for name, look in known.items():
        value = getattr(settings, name)
        try:
            look(value) if value else None
        except KeyError:
            hint = "correct it, or make the account"
            yield Error(f"{name}: there is no {value}", hint=hint, id="vmoodle.E005")
    sudo = settings.VMOODLE_WEB_USER or settings.VMOODLE_SUDO_USER
    if sudo and not shutil.which("sudo"):
        yield Error("VMOODLE_WEB_USER needs sudo", hint="install it", id="vmoodle.E006")


def as_root() -> Iterator[CheckMessage]:
    """Find that root does the work of VMoodle's own user."""
    owner = Path(settings.VAR_DIR).stat().st_uid
    if os.geteuid() == 0 and owner != 0:
        with suppress(KeyError):
            name = pwd.getpwuid(owner).pw_name
            said = f"this runs as root, and VMOODLE_VAR_DIR belongs to {name}"
            hint = f"use sudo -u {name}: that user cannot change what root makes"
            yield Warning(said, hint=hint, id="vmoodle.W005")


def _directories() -> Iterator[CheckMessage]:
    for name in WRITTEN:
        path = Path(getattr(settings, name))
        there = next(p for p in [path, *path.absolute().parents] if p.exists())
        if not path.is_absolute():
            hint = "else it depends on where a command is given: begin it with /"
            said = f"{NAMES.get(name, name)}: {path} is not absolute"
            yield Warning(said, hint=hint, id="vmoodle.W001")
        if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
            hint = f"let {pwd.getpwuid(os.geteuid()).pw_name} write {there}"
            said = f"{NAMES.get(name, name)}: {path} cannot be written"
            yield Warning(said, hint=hint, id="vmoodle.W002")
    data, snapshots = settings.VMOODLE_DATA_ROOT, settings.VMOODLE_SNAPSHOT_DIR
    if Path(data) in [Path(snapshots), *Path(snapshots).parents]:
        hint = "put one beside the other: who destroys a tenant removes what is there"
        said = "VMOODLE_SNAPSHOT_DIR lies in VMOODLE_DATA_ROOT"
        yield Warning(said, hint=hint, id="vmoodle.W003")


def _programs() -> Iterator[CheckMessage]:
    missing = [name for name in PROGRAMS if not shutil.which(name)]
    if missing:
        hint = "run bin/install, which installs them or says how"
        said = f"programs that tenants need are missing: {', '.join(missing)}"
        yield Warning(said, hint=hint, id="vmoodle.W004")
