"""Snapshots: take, verify, test, and forget them.

One is written under a temporary name and renamed when it is complete, so whatever has
a manifest under its own name is whole.
"""

import re
import secrets
import shutil
from collections.abc import Generator, Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from tenants import moodledb
from tenants.backup import content, dump, manifest
from tenants.backup.manifest import DATABASE, FILES, Manifest, SnapshotError
from tenants.files import FilesError
from tenants.lifecycle import databases
from tenants.models import DatabaseServer, Snapshot, Tenant

FRESH = ".new-"  # begins the name of one that is being written
TEST = "vmoodle test "  # begins the mark of a database that is loaded for a test
STAMP = r"\d{8}-\d{6}-[0-9a-f]{4}"  # the end of a snapshot's name
SITE = ("version", "release", "allversionshash")
RUNNING = "upgraderunning"  # there from the begin of Moodle's upgrade to its end

Taking = Generator[str | None, None, Snapshot]
Lines = Generator[str | None, None, None]


def take(
    tenant: Tenant,
    reason: str = Snapshot.Reason.ASKED,
    *,
    note: str = "",
    keep_until: datetime | None = None,
    template: bool = False,
    label: str = "",
) -> Taking:
    """Take a snapshot of a site, which stays open; yield lines of a log.

    `label` begins its name, in place of the tenant's short name.
    """
    site = moodledb.config_of(tenant, (*SITE, RUNNING))
    stamp = f"{timezone.now():%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    name = f"{label or tenant.shortname}-".lower() + stamp
    fresh = Path(settings.VMOODLE_SNAPSHOT_DIR, FRESH + name)
    try:
        found = yield from _write(tenant, fresh, name, site)
        fresh.rename(fresh.with_name(name))
    except OSError as error:
        said = (error.strerror or str(error)).lower()
        raise SnapshotError(f"{error.filename or fresh}: {said}") from error
    finally:
        remove_directory(fresh)
    more = {"note": note, "keep_until": keep_until, "is_template": template}
    snapshot = register(tenant, name, found, reason, **more)
    if reason != Snapshot.Reason.SAFETY:  # what is to be restored would go as well
        yield from _clear_away(tenant)
    return snapshot


def _clear_away(tenant: Tenant) -> Lines:
    """Delete the tenant's snapshots that are past their time."""
    known = Snapshot.objects.filter(tenant=tenant).select_related("tenant")
    for old in expired(known):
        yield f"Snapshot {old} is past its time and goes"
        delete(old)


def _write(
    tenant: Tenant, fresh: Path, name: str, site: dict[str, str]
) -> Generator[str | None, None, Manifest]:
    data, files = Path(tenant.data_path), fresh / FILES
    _make(fresh)
    former = _former_files(tenant)
    # A file that is stored or thrown away meanwhile is there as the dump wants it,
    # or one too many: so once before and once after it.
    yield from content.keep_pool(data, files, former)
    database = yield from dump.dump(tenant.server, tenant.db_name, fresh / DATABASE)
    yield from content.keep_pool(data, files, former)
    content.keep_rest(data, files)
    content.share(files, writable=False)
    count, size = content.pool_size(files)
    found: Manifest = {
        "format": manifest.FORMAT,
        "name": name,
        "wwwroot": tenant.wwwroot,
        "prefix": tenant.db_prefix,
        "data_path": tenant.data_path,
        "site": {name: text for name, text in site.items() if name in SITE},
        "created_at": timezone.now().isoformat(),
        "database": database,
        "files": {
            "count": count,
            "bytes": size,
            "others": content.digests(files),
        },
        "half_way": RUNNING in site or tenant.is_half_upgraded,
    }
    manifest.write(fresh, found)
    yield f"{len(database['tables'])} tables, {count} files"
    return found


def _make(fresh: Path) -> None:
    """Make the directories of a snapshot; only we may read the dump."""
    if not fresh.parent.is_dir():
        fresh.parent.mkdir(parents=True, exist_ok=True)  # two may begin at once
        fresh.parent.chmod(0o751)
    fresh.mkdir()
    content.share(fresh, writable=False)
    (fresh / FILES).mkdir()
    content.share(fresh / FILES, writable=True)
    (fresh / DATABASE).mkdir(mode=0o700)


def remove_directory(directory: Path) -> None:
    """Remove a snapshot's directory, or what there is of it."""
    with suppress(FilesError):
        content.discard(directory / FILES)
    shutil.rmtree(directory, ignore_errors=True)


def _former_files(tenant: Tenant) -> Path | None:
    former = Snapshot.objects.filter(tenant=tenant).first()
    return former.path / FILES if former else None


def register(
    tenant: Tenant | None,
    name: str,
    found: Manifest,
    reason: str,
    **fields: Any,
) -> Snapshot:
    """Put a snapshot that lies in its directory into the registry."""
    return Snapshot.objects.create(
        name=name,
        tenant=tenant,
        reason=reason,
        created_at=datetime.fromisoformat(found["created_at"]),
        **manifest.totals(found),
        **fields,
    )


def check(snapshot: Snapshot) -> Manifest:
    """Return the manifest, once the dump is proved to be what it tells of."""
    found = manifest.read(snapshot.path)
    manifest.check_dump(snapshot.path, found)
    return found


def check_files(snapshot: Snapshot) -> Generator[None, None, None]:
    """Compare each data file with its digest; raise SnapshotError."""
    found, files = manifest.read(snapshot.path), snapshot.path / FILES
    wrong = yield from content.spoiled(files)
    meant, now = found["files"]["others"], content.digests(files)
    wrong += [name for name in meant if now.get(name) != meant[name]]
    if content.pool_size(files) != (found["files"]["count"], found["files"]["bytes"]):
        wrong.append("their number or size")
    if wrong:
        raise SnapshotError(
            f"{len(wrong)} data files of {snapshot} are not as they were: "
            f"{', '.join(sorted(wrong)[:5])}"
        )


def load(snapshot: Snapshot, server: DatabaseServer, name: str) -> Lines:
    """Load a snapshot's dump, which is checked first, into an empty database."""
    found = check(snapshot)
    files = [part["file"] for part in found["database"]["parts"]]
    yield from dump.load(server, name, snapshot.path / DATABASE, files)
    lost = (
        found["database"]["tables"].keys() - databases.table_sizes(server, name).keys()
    )
    if lost:
        raise SnapshotError(f"{snapshot}: {len(lost)} tables were not loaded")


def prove(snapshot: Snapshot, server: DatabaseServer) -> Lines:
    """Restore into a database of its own and compare every table with the dump's."""
    yield "Comparing the data files with their digests"
    yield from check_files(snapshot)
    mark = test_mark(snapshot)
    scratch = f"vmoodle_test_{snapshot.pk}_{secrets.token_hex(4)}"
    databases.create(server, scratch, mark)
    try:
        yield f"Loading into {scratch}"
        yield from load(snapshot, server, scratch)
        found = yield from dump.digests(server, scratch)
    finally:
        databases.drop(server, scratch, mark)
    meant = manifest.read(snapshot.path)["database"]["tables"]
    differ = sorted(t for t in meant if found["tables"].get(t) != meant[t])
    if differ:
        raise SnapshotError(
            f"{len(differ)} tables of {snapshot} are not restored as they were: "
            f"{', '.join(differ[:5])}"
        )
    snapshot.verified_at = timezone.now()
    snapshot.save(update_fields=["verified_at"])
    yield f"{len(meant)} tables are restored as they were"


def test_mark(snapshot: Snapshot) -> str:
    return f"{TEST}{snapshot.pk}"


def forget_tests(snapshot: Snapshot, server: DatabaseServer) -> None:
    """Drop what a test that died has left."""
    mark = test_mark(snapshot)
    for name, found in databases.marked(server, mark).items():
        if found == mark:
            databases.drop(server, name, mark)


def forget_begun(tenant: Tenant) -> None:
    """Remove what a snapshot that died has left; the caller holds the tenant."""
    ours = re.compile(rf"{re.escape(FRESH + tenant.shortname.lower())}-{STAMP}")
    for path in begun():
        if ours.fullmatch(path.name):
            remove_directory(path)


def begun() -> Iterable[Path]:
    """Return the directories of snapshots that are being written, or were."""
    return sorted(Path(settings.VMOODLE_SNAPSHOT_DIR).glob(f"{FRESH}*"))


def expired(snapshots: Iterable[Snapshot]) -> list[Snapshot]:
    """Return which of one tenant's snapshots, the newest first, may go.

    Templates stay, what is to be kept, the newest one, the newest of a whole site, what
    a half upgraded one can go back to, and the newest of those that have been proved to
    be restorable. Copies go with the work they were made for.
    """
    now = timezone.now()
    oldest = now - timedelta(days=settings.VMOODLE_SNAPSHOT_DAYS)
    known = [one for one in snapshots if one.reason != Snapshot.Reason.COPY]
    proved = next((one for one in known if one.verified_at), None)
    whole = next((one for one in known if not one.half_way), None)
    free = [one for one in known if not _is_kept(one)]
    return [
        one
        for number, one in enumerate(free)
        if number >= max(1, settings.VMOODLE_SNAPSHOT_KEEP)
        or (number and one.created_at < oldest)
        if one not in (proved, whole)
    ]


def _is_kept(snapshot: Snapshot) -> bool:
    until, tenant = snapshot.keep_until, snapshot.tenant
    if tenant and tenant.is_half_upgraded and snapshot.name in tenant.attention:
        return True
    return snapshot.is_template or (until is not None and until > timezone.now())


def all_expired() -> list[Snapshot]:
    """Return all that may go, by one statement; those of a busy tenant stay."""
    rows = Snapshot.objects.select_related("tenant").order_by(
        "tenant_id", "-created_at", "-pk"
    )
    gone: list[Snapshot] = []
    final = timezone.now() - timedelta(days=settings.VMOODLE_FINAL_DAYS)
    for pk, group in groupby(rows.iterator(), key=lambda one: one.tenant_id):
        found = list(group)
        if pk is None:  # of tenants that are no more
            gone += [s for s in found if not _is_kept(s) and s.created_at < final]
        elif found[0].tenant and found[0].tenant.held_by is None:
            gone += expired(found)
    return gone


def expire() -> int:
    """Delete all that may go, and return how many.

    That takes a while, in which a job or an operator may want one: each is judged anew.
    """
    gone = 0
    for one in all_expired():
        now = Snapshot.objects.select_related("tenant").filter(pk=one.pk).first()
        if now and not _is_kept(now) and not (now.tenant and now.tenant.held_by):
            delete(now)
            gone += 1
    return gone


def delete(snapshot: Snapshot) -> None:
    """Delete a snapshot, its row last: a crash leaves a row that tells of it."""
    gone = snapshot.path.with_name(f"{FRESH}gone-{snapshot.name}")
    with suppress(FileNotFoundError):
        snapshot.path.rename(gone)
    remove_directory(gone)
    snapshot.delete()
