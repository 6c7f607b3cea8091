from collections.abc import Sequence

from django import forms
from django.utils.translation import gettext_lazy as _

from commands.base import Json, NothingToDo, Steps, register
from commands.mnet.node import MnetCommand
from commands.validation import invalid
from mnet import binding, networks, sites
from mnet.models import Strategy
from mnet.sites import OFF, ON
from tenants.forms import next_network
from tenants.models import Tenant

NEW = "NEW"


@register
class SetNetwork(MnetCommand):
    """Move a tenant to another MNet network.

    Its former siblings forget it and it forgets them, and it is bound with the members
    of the new one, on both sides, by the strategies. With -1 MNet is switched off on
    the site, and nobody knows it any longer; from -1 it is switched on, with keys where
    it has none. What else it needs, such as the rights of users: see init_mnet_node.

    Example of attributes: network=NEW
    """

    letters = {"network": "n"}

    network = forms.CharField(
        max_length=9,
        help_text=_(
            "-1: MNet off; 0: with the main tenant only; a number: that sub-network;"
            " NEW: a sub-network that nobody is in yet, one for all tenants of the run."
        ),
    )

    def clean_network(self) -> int:
        text: str = self.cleaned_data["network"].strip()
        if text.upper() == NEW:
            return next_network()
        try:
            number = int(text)
        except ValueError:
            number = networks.OFF - 1
        if number < networks.OFF:
            raise invalid(
                _("%(text)r is no network: give -1, 0, a number or NEW"), text=text
            )
        return number

    def _raw(self, name: str, field: forms.Field) -> list[str]:
        # All jobs of the run shall have the number that was new when it began.
        if name == "network" and "network" in getattr(self, "cleaned_data", {}):
            return [str(self.cleaned_data["network"])]
        return super()._raw(name, field)

    def skips(self, tenants: Sequence[Tenant]) -> dict[int, str]:
        found = super().skips(tenants)
        number = self.cleaned_data["network"]
        for tenant in tenants:
            if tenant.network == number and number != networks.OFF:
                why = f"it is in network {number} already; init_mnet_node binds it"
                found.setdefault(tenant.pk, why)
        return found

    def run(self, tenant: Tenant) -> Steps:
        number, site = self.cleaned_data["network"], self.site(tenant)
        done: list[Json] = []
        if number != networks.OFF:
            if why := site.trouble_with_keys:
                yield why
                yield from self.renew(site)
            if why or not site.on:
                done.append((yield from self.switch(tenant, mode=ON)))
        before, changes = self._move(tenant, number)
        for change in changes:
            gone = change.kinds == (binding.KNOWN,)
            words = "knows it no longer" if gone else "knows it"
            yield f"{change.site.tenant}, of {change.other.tenant}: {words}"
        if number == networks.OFF and site.on:
            done.append((yield from self.switch(tenant, mode=OFF)))
        if before == number and not changes and not done:
            raise NothingToDo(f"it is in network {number} already")
        result: dict[str, Json] = {
            "network": number,
            "before": before,
            "changed": len(changes),
        }
        if done and number != networks.OFF:
            result |= yield from self.web(tenant)
        return result

    def _move(self, tenant: Tenant, number: int) -> tuple[int, list[binding.Change]]:
        """Change the registry and both sides; return its former network, and what."""
        registry = Tenant.objects.with_edges()
        with binding.alone(registry):
            everybody = list(registry.all())  # as it is now
            me = next(one for one in everybody if one.pk == tenant.pk)
            others = [one for one in everybody if one.pk != tenant.pk]
            siblings = [
                other.pk
                for other in others
                if networks.kind_of(me, other) == networks.Kind.SUBNETWORK
            ]
            before, me.network = me.network, number
            bonds = networks.bonds_of([me], others, Strategy.all())
            for other in siblings:
                for way in ((me.pk, other), (other, me.pk)):
                    bonds.setdefault(way, None)
            known = sites.read([me]) | sites.read(others, about=[me.wwwroot])
            changes = binding.differences(known, bonds)
            binding.write(changes)
            Tenant.objects.filter(pk=me.pk).update(network=number)
        return before, changes
