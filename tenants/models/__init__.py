"""The registry: servers, releases (code trees), tenants, and their snapshots."""

from tenants.models.checkup import Checkup
from tenants.models.journal import Journal
from tenants.models.release import Release
from tenants.models.server import DatabaseServer
from tenants.models.snapshot import Snapshot
from tenants.models.tenant import (
    HALF_WAY,
    SIGN_ON_ONLY,
    Tag,
    Tenant,
    TenantQuerySet,
    pending,
)

__all__ = [
    "HALF_WAY",
    "SIGN_ON_ONLY",
    "Checkup",
    "DatabaseServer",
    "Journal",
    "Release",
    "Snapshot",
    "Tag",
    "Tenant",
    "TenantQuerySet",
    "pending",
]
