"""Find what a crash has left: databases, directories, rows, and half-done work.

Whatever belongs to a tenant that a job holds just now is left alone. What lies about is
listed first and the registry read then, so what begins meanwhile is known by its row.
"""

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from tenants.backup import content, manifest, restore, snapshots
from tenants.errors import VMoodleError
from tenants.lifecycle import databases, move, provision, rename
from tenants.lifecycle.steps import LifecycleError
from tenants.models import DatabaseServer, Journal, Snapshot, Tenant

ASIDE = re.compile(r".+\.(new|old)-(?P<token>[0-9a-f]{16})")
WORKS = {
    provision.WORK: "creation",
    restore.WORK: "restore",
    rename.WORK: "renaming",
    move.WORK: "move",
}
ENTERED = timedelta(minutes=10)  # a list of tenants is entered first, then its run
TOKEN = re.compile(r"vmoodle (create|restore|move) (?P<token>[0-9a-f]{16})")
# A restore's own directories have such a name: by its mark alone it is a live site's.
MADE = re.compile(r"vmoodle (create|move) (?P<token>[0-9a-f]{16})")


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be, and what mends it; None: nothing yet."""

    sentence: str
    mend: Callable[[], object] | None


def examine(awaited: Collection[int] = ()) -> Iterator[Finding]:
    """Yield what was left behind; raise LifecycleError if it cannot be looked at.

    `awaited`: keys of tenants whose creation waits for a worker.
    """
    yield from half_done(awaited)
    for server in DatabaseServer.objects.all():
        yield from stray_databases(server)
    yield from stray_directories()
    yield from stray_snapshots()


def tokens() -> set[str]:
    """Return the tokens of all works that are under way."""
    return set(Journal.objects.values_list("token", flat=True))


def half_done(awaited: Collection[int]) -> Iterator[Finding]:
    """Yield the works in a tenant's life that nobody is at work on, nor will be."""
    idle = Journal.objects.filter(tenant__held_by=None)
    for journal in idle.select_related("tenant__server", "tenant__release"):
        if journal.begun == [provision.ENTER]:
            if journal.tenant_id in awaited:
                continue
            if journal.created_at > timezone.now() - ENTERED:
                minutes = ENTERED.seconds // 60
                why = (
                    f"it was entered in the last {minutes} minutes, and may have no run"
                )
                yield Finding(f"{journal.tenant}: {why} yet", None)
                continue
        yield Finding(
            f"{journal.tenant}: its {WORKS[journal.work]} was cut off",
            partial(undo, journal.tenant, journal.work),
        )


def undo(tenant: Tenant, work: str) -> None:
    if work == restore.WORK:
        restore.recover(tenant)
        return
    works = {provision.WORK: provision, rename.WORK: rename, move.WORK: move}
    if left := works[work].recover(tenant):
        raise LifecycleError(left)


def stray_databases(server: DatabaseServer) -> Iterator[Finding]:
    """Yield databases that we have made for nothing that is still there."""
    there, under_way = databases.marked(server, "vmoodle "), tokens()
    used = set(Tenant.objects.filter(server=server).values_list("db_name", flat=True))
    for name, mark in there.items():
        found = TOKEN.fullmatch(mark)
        known = found["token"] in under_way if found else _is_tested(mark)
        if name not in used and not known:
            yield Finding(
                f"{server}: the database {name} belongs to no tenant",
                partial(databases.drop, server, name, mark),
            )


def _is_tested(mark: str) -> bool:
    """Whether a job may be loading a snapshot for a test just now."""
    key = mark.removeprefix(snapshots.TEST)
    if not mark.startswith(snapshots.TEST) or not key.isdecimal():
        return True  # not ours to judge
    return Snapshot.objects.filter(pk=key, tenant__held_by__isnull=False).exists()


def stray_directories() -> Iterator[Finding]:
    """Yield data directories that we have made for nothing that is still there."""
    root = Path(settings.VMOODLE_DATA_ROOT)
    there = sorted(root.iterdir()) if root.is_dir() else []
    marks = {path: content.mark_of(path) for path in there if _is_directory(path)}
    under_way = tokens()
    used = set(Tenant.objects.values_list("data_path", flat=True))
    for path, mark in marks.items():
        found = ASIDE.fullmatch(path.name) or MADE.fullmatch(mark)
        if str(path) not in used and found and found["token"] not in under_way:
            yield Finding(
                f"{path} belongs to no tenant", partial(content.remove_for_good, path)
            )


def _is_directory(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def stray_snapshots() -> Iterator[Finding]:
    """Yield snapshots that are half there."""
    directory = Path(settings.VMOODLE_SNAPSHOT_DIR)
    there = sorted(directory.iterdir()) if directory.is_dir() else []
    held = Tenant.objects.filter(held_by__isnull=False)
    busy = tuple(f"{tenant.shortname.lower()}-" for tenant in held) or ("/",)
    for path in there:
        name = path.name.removeprefix(snapshots.FRESH)
        if name != path.name and not name.startswith(busy):
            yield Finding(
                f"{path} is a snapshot that was not finished",
                partial(snapshots.remove_directory, path),
            )
    rows = {snapshot.name: snapshot for snapshot in Snapshot.objects.all()}
    gone = [s for s in rows.values() if not (s.path / manifest.NAME).is_file()]
    if len(gone) == len(rows) > 1:  # their rows know what no manifest does
        said = f"none of the {len(rows)} snapshots is in {directory}: is its disk away?"
        yield Finding(said, None)
        gone = []
    for snapshot in gone:
        yield Finding(f"snapshot {snapshot}: its files are gone", snapshot.delete)
    for path in there:
        known = path.name in rows or path.name.startswith((snapshots.FRESH, *busy))
        if not known and (path / manifest.NAME).is_file():
            yield Finding(
                f"snapshot {path.name} is not in the registry", partial(enter, path)
            )


def enter(path: Path) -> None:
    """Put a snapshot into the registry that is whole on the disk."""
    found = manifest.read(path)
    tenant = Tenant.objects.filter(wwwroot=found["wwwroot"]).first()
    snapshots.register(tenant, path.name, found, Snapshot.Reason.ASKED)


def mend(finding: Finding) -> str:
    """Mend it; return why that failed, or ""."""
    assert finding.mend, finding
    try:
        finding.mend()
    except VMoodleError as error:
        return str(error)
    except OSError as error:
        return f"{error.filename}: {error.strerror}"
    return ""
