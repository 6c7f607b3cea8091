"""Upgrades that did not come to their end: what a site can still go back to.

The tenant's attention tells of it, and names the snapshot that was taken before. The
site stays closed meanwhile: what people did on it would be lost by going back. So the
snapshot serves as long as the page of an upgrade hangs.
"""

import re
from collections.abc import Iterator

from commands.patience import patiently
from tenants import files
from tenants.backup import manifest
from tenants.models import HALF_WAY, Release, Snapshot, Tenant

OWNER = re.compile(r"vmoodle-job-\d+\.")  # what the page of an upgrade holds


def is_closed(tenant: Tenant) -> bool:
    """Whether the page of an upgrade hangs, be it of a job that died."""
    return bool(OWNER.search(files.maintenance_page(tenant)))


def way_back(tenant: Tenant) -> Snapshot | None:
    """Return the snapshot that a half upgraded site can go back to."""
    if not tenant.is_half_upgraded:
        return None
    taken = Snapshot.objects.filter(tenant=tenant, reason=Snapshot.Reason.UPGRADE)
    return next((one for one in taken if one.name in tenant.attention), None)


def mark(tenant: Tenant, kept: Snapshot | None = None) -> None:
    """Note that a site is half upgraded, and what it can go back to."""
    told = f"{HALF_WAY}: upgrade it again"
    if kept and not kept.half_way:
        told += f", or restore {kept}; it stays closed until then"
    _tell(tenant, told)


def unmark(tenant: Tenant) -> None:
    """Note that a site is whole, if it was said to be half upgraded."""
    if tenant.is_half_upgraded:
        _tell(tenant, "")


def end(tenant: Tenant, restored: Snapshot) -> Iterator[str]:
    """Open a site whose upgrade a restore has undone, with the code that fits it."""
    fitting = release_of(restored) if tenant.is_half_upgraded else None
    if fitting and fitting.versions_hash != tenant.release.versions_hash:
        files.clear_caches(tenant)
        patiently(lambda: tenant.pin(fitting))
        yield f"Pinned to release {fitting}, which fits it"
    unmark(tenant)
    if is_closed(tenant):
        files.leave_maintenance(tenant)


def _tell(tenant: Tenant, attention: str) -> None:
    rows = Tenant.objects.filter(pk=tenant.pk)
    patiently(lambda: rows.update(attention=attention))
    tenant.attention = attention


def release_of(snapshot: Snapshot) -> Release | None:
    """Return the release whose code fits a snapshot, None when there is none."""
    site = manifest.read(snapshot.path)["site"]
    fitting = Release.objects.filter(versions_hash=site.get("allversionshash", ""))
    return fitting.exclude(versions_hash="").first()
