from collections.abc import Sequence

from commands.base import Command, Steps, register
from tenants.models import Tenant


@register
class Enable(Command):
    """Let the site answer again: one that was disabled, or deleted but not yet gone."""

    heals = True

    def skips(self, tenants: Sequence[Tenant]) -> dict[int, str]:
        return {
            tenant.pk: "it is enabled"
            for tenant in tenants
            if tenant.enabled and tenant.deleted_at is None
        }

    def run(self, tenant: Tenant) -> Steps:
        tenant.enabled, tenant.deleted_at = True, None
        tenant.save(update_fields=["enabled", "deleted_at"])
        yield f"{tenant} answers again"
        return {"enabled": True}
