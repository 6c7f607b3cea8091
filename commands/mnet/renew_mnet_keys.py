from collections.abc import Sequence

from commands.base import NothingToDo, Steps, register
from commands.mnet.node import MnetCommand
from mnet import sites
from tenants.models import Tenant


@register
class RenewMnetKeys(MnetCommand):
    """Make new MNet keys, and tell all that know the site.

    Its certificate is stored with the site and with every tenant that knows it in one
    transaction; the former pair goes to Moodle's history. If a database server that
    holds a peer is away, nothing is changed. Peers outside of the registry learn the
    new certificate by themselves, as Moodle does it.

    Takes no parameters.
    """

    def skips(self, tenants: Sequence[Tenant]) -> dict[int, str]:
        found = super().skips(tenants)
        rest = [tenant for tenant in tenants if tenant.pk not in found]
        known = sites.read(rest, about=[])
        return found | {
            pk: "MNet is off on the site"
            for pk, site in known.items()
            if not site.problem and not site.on
        }

    def run(self, tenant: Tenant) -> Steps:
        site = self.site(tenant)
        if not site.on:
            raise NothingToDo("MNet is off on the site")
        renewal = yield from self.renew(site)
        yield from self.switch(tenant)
        return renewal
