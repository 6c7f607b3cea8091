from collections.abc import Sequence

from commands.base import Command, Steps, register
from tenants.lifecycle import destroy
from tenants.lifecycle.doctor import WORKS
from tenants.models import Journal, Tenant


@register
class Enable(Command):
    """Let the site answer again: one that was disabled, or deleted but not yet gone."""

    frequent = True
    heals = True

    def skips(self, tenants: Sequence[Tenant]) -> dict[int, str]:
        return {
            tenant.pk: "it is enabled"
            for tenant in tenants
            if tenant.enabled and tenant.deleted_at is None
        }

    def refusals(self, tenants: Sequence[Tenant]) -> dict[int, str]:
        half = Journal.objects.filter(tenant__in=tenants).values_list("tenant", "work")
        return {
            pk: f"its {WORKS[work]} has not ended: wait for it, or run doctor --fix"
            for pk, work in half
        }

    def run(self, tenant: Tenant) -> Steps:
        forgotten = tenant.deleted_at and tenant.mnet_expires_at
        destroy.bring_back(tenant)
        yield f"{tenant} answers again"
        if forgotten:
            bind = f"init_mnet_node --host={tenant.wwwroot}"
            yield f"Its MNet peers have forgotten it: {bind} binds it again"
        return {"enabled": True}
