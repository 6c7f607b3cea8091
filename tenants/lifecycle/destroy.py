"""The end of a tenant: first it is only deleted, later nothing of it is left.

Deleted it answers nobody, and may be enabled again. The end takes away its database and
account on its own server, and its data directory below the data root. Each part may be
gone already, so an end that was cut off is simply done again.
"""

import os
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from tenants import moodledb
from tenants.backup import content, manifest, snapshots
from tenants.files import FilesError
from tenants.lifecycle import databases
from tenants.lifecycle.steps import LifecycleError, Lines
from tenants.models import Journal, Snapshot, Tenant


def refuse(tenant: Tenant) -> None:
    """Raise LifecycleError for a tenant that must not be destroyed."""
    if tenant.is_main:
        raise LifecycleError(f"{tenant} is the main tenant: make another one the main")
    if Journal.objects.filter(tenant=tenant).exists():
        raise LifecycleError(
            f"{tenant} is half made or half restored: run manage.py doctor --fix first"
        )


def delete(tenant: Tenant, *, snapshot: bool = True) -> Lines:
    """Take the tenant out of service, with a last snapshot; what is its own stays."""
    refuse(tenant)
    if snapshot:
        yield "== last snapshot"
        days = timedelta(days=settings.VMOODLE_FINAL_DAYS)
        yield from snapshots.take(
            tenant, Snapshot.Reason.FINAL, keep_until=timezone.now() + days
        )
    tenant.enabled, tenant.deleted_at = False, timezone.now()
    tenant.save(update_fields=["enabled", "deleted_at"])
    yield "It answers nobody from now on"


def due() -> list[Tenant]:
    """Return the tenants that have been deleted for long, and may be ended.

    Only with a last snapshot that is there: without one nothing would be left.
    """
    if not settings.VMOODLE_PURGE_DAYS:
        return []
    before = timezone.now() - timedelta(days=settings.VMOODLE_PURGE_DAYS)
    deleted = Tenant.objects.filter(
        deleted_at__lt=before, held_by=None, is_main=False, journal=None
    )
    return [tenant for tenant in deleted.order_by("pk") if _has_last(tenant)]


def _has_last(tenant: Tenant) -> bool:
    """Whether its last snapshot was taken as it was deleted, and is there still.

    That of a former time is none: `bring_back` makes it one like any other.
    """
    last = Snapshot.objects.filter(tenant=tenant, reason=Snapshot.Reason.FINAL).first()
    return last is not None and (last.path / manifest.NAME).is_file()


def bring_back(tenant: Tenant) -> None:
    """Let a tenant that was disabled, or deleted, answer again."""
    if tenant.deleted_at and not databases.exists(tenant.server, tenant.db_name):
        raise LifecycleError(
            f"its database {tenant.db_name} is gone from {tenant.server}: its end has "
            "begun; let it come to it, and make it anew from its last snapshot"
        )
    final = Snapshot.objects.filter(tenant=tenant, reason=Snapshot.Reason.FINAL)
    final.update(reason=Snapshot.Reason.ASKED)
    tenant.enabled, tenant.deleted_at = True, None
    tenant.save(update_fields=["enabled", "deleted_at"])


def end(tenant: Tenant) -> Lines:
    """Remove all that is the tenant's own, and its row last."""
    refuse(tenant)
    until = timezone.now() + timedelta(days=settings.VMOODLE_FINAL_DAYS)
    last = Snapshot.objects.filter(tenant=tenant, reason=Snapshot.Reason.FINAL)
    last.update(keep_until=until)
    server = tenant.server
    yield "== drop the database"
    moodledb.execute(server, f"DROP DATABASE IF EXISTS `{tenant.db_name}`")
    yield "== drop the account"
    if not databases.end_account(tenant):
        yield f"{tenant.db_user} has other uses and stays"
    yield "== remove the data files"
    try:
        refuse_shared(tenant)
        content.remove_for_good(Path(tenant.data_path))
    except FilesError as error:
        yield f"Left behind: {error}"
    yield "== leave the registry"
    tenant.delete()


def refuse_shared(tenant: Tenant) -> None:
    """Raise FilesError if another tenant's files would go too, links resolved."""
    own = os.path.realpath(tenant.data_path)
    for other in Tenant.objects.exclude(pk=tenant.pk):
        for part in ("", content.POOL):
            path = os.path.realpath(Path(other.data_path, part))
            if os.path.commonpath([own, path]) in (own, path):
                raise FilesError(
                    f"{tenant.data_path} is not its own alone: {other} has {path}"
                )
