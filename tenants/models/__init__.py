"""The registry: database servers, releases (code trees) and tenants."""

from tenants.models.release import Release
from tenants.models.server import DatabaseServer
from tenants.models.tenant import Tag, Tenant, TenantQuerySet, pending

__all__ = ["DatabaseServer", "Release", "Tag", "Tenant", "TenantQuerySet", "pending"]
