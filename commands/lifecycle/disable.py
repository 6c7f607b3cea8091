from collections.abc import Sequence

from commands.base import Command, Steps, register
from tenants.models import Tenant


@register
class Disable(Command):
    """Let the site answer 503 to everybody; bulk commands leave it out.

    Its scripts can still be run on it, by name. Its MNet peers go on knowing it.
    """

    frequent = True
    heals = True

    def skips(self, tenants: Sequence[Tenant]) -> dict[int, str]:
        return {t.pk: "it is disabled" for t in tenants if not t.enabled}

    def run(self, tenant: Tenant) -> Steps:
        tenant.enabled = False
        tenant.save(update_fields=["enabled"])
        yield f"{tenant} answers 503 from now on"
        if tenant.mnet_expires_at:
            leave = f"set_network --host={tenant.wwwroot} --network=-1"
            yield f"Its MNet peers go on knowing it: {leave} lets them forget it"
        return {"enabled": False}
