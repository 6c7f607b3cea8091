"""What a snapshot holds, by the file that lies in it."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any, NotRequired, TypedDict, cast

from django.utils.translation import gettext as _

from tenants.backup.dump import Dump
from tenants.lifecycle.steps import LifecycleError

FORMAT = 1
NAME = "manifest.json"
FILES, DATABASE = "files", "database"  # directories of a snapshot


class SnapshotError(LifecycleError):
    """A snapshot is not there, or not as its manifest says."""


class Files(TypedDict):
    """How many files the pool has, and their bytes; the digests of all others."""

    count: int
    bytes: int
    others: dict[str, str]


class Manifest(TypedDict):
    format: int
    name: str
    wwwroot: str
    prefix: str
    data_path: str
    site: dict[str, str]  # version, release and allversionshash of Moodle
    created_at: str
    database: Dump
    files: Files
    half_way: NotRequired[bool]  # taken of a half upgraded site


def write(directory: Path, manifest: Manifest) -> None:
    """Write the manifest; the snapshot is whole once it is there."""
    path = directory / NAME
    with os.fdopen(
        os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w"
    ) as f:
        json.dump(manifest, f, indent=1)
        f.flush()
        os.fsync(f.fileno())


def read(directory: Path) -> Manifest:
    """Return the manifest of a snapshot; raise SnapshotError."""
    path = directory / NAME
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SnapshotError(f"{path}: {(error.strerror or '').lower()}") from error
    except ValueError as error:
        said = _("%(path)s is damaged: it is no JSON") % {"path": path}
        raise SnapshotError(said) from error
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        said = _("%(path)s is of a format that this VMoodle does not know")
        raise SnapshotError(said % {"path": path})
    return cast(Manifest, found)


def check_dump(directory: Path, manifest: Manifest) -> None:
    """Compare the dump's files with the manifest; raise SnapshotError."""
    for part in manifest["database"]["parts"]:
        path = directory / DATABASE / part["file"]
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise SnapshotError(f"{path}: {(error.strerror or '').lower()}") from error
        if digest != part["sha256"]:
            said = _(
                "%(path)s is damaged: its checksum is not that of the manifest; use"
                " another snapshot"
            )
            raise SnapshotError(said % {"path": path})


def totals(manifest: Manifest) -> dict[str, Any]:
    """Return what the registry keeps of a snapshot."""
    database, files = manifest["database"], manifest["files"]
    return {
        "wwwroot": manifest["wwwroot"],
        "version": manifest["site"].get("version", ""),
        "release": manifest["site"].get("release", ""),
        "tables": len(database["tables"]),
        "rows": sum(table["rows"] for table in database["tables"].values()),
        "dump_bytes": sum(part["bytes"] for part in database["parts"]),
        "file_count": files["count"] + len(files["others"]),
        "file_bytes": files["bytes"],
        "half_way": manifest.get("half_way", False),
    }
