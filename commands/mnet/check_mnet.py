from collections.abc import Iterator, Sequence

from django import forms
from django.utils.translation import gettext_lazy as _

from commands.base import CommandFailed, NothingToDo, Steps, register
from commands.mnet.node import MnetCommand, rows_of
from commands.validation import invalid
from mnet import networks, platform, sites
from mnet.models import Strategy
from mnet.proof import Proof
from mnet.sites import Site
from mnet.webphp import NO_RC4
from tenants.models import Tenant
from tenants.wwwroot import clean_wwwroot


@register
class CheckMnet(MnetCommand):
    """Prove that a site and its peers trust each other.

    Tells first whether the PHP that serves the site opens what is sealed with RC4, as
    MNet's messages are. Then each of a pair is called over the network as the other one
    would call it, signed and sealed with its keys. Tells one sentence for each thing
    that is wrong, and what gives PHP RC4 where it lacks it. Changes nothing but what
    Moodle notes of a caller. Disabled tenants are left out.

    Example of attributes: bindhost=https://other.example.org
    """

    exclusive = False
    letters = {"bindhost": "b"}

    bindhost = forms.CharField(
        required=False,
        max_length=255,
        help_text=_(
            "wwwroot of the tenant to be checked with; empty: all of its network."
        ),
    )

    def clean_bindhost(self) -> str:
        text: str = self.cleaned_data["bindhost"]
        wwwroot = clean_wwwroot(text) if text else ""
        if wwwroot and not Tenant.objects.living().filter(wwwroot=wwwroot).exists():
            raise invalid(
                _("No such tenant: %(name)s; give a wwwroot of the registry"), name=text
            )
        return wwwroot

    def skips(self, tenants: Sequence[Tenant]) -> dict[int, str]:
        found = super().skips(tenants)
        for tenant in tenants:
            if tenant.wwwroot == self.cleaned_data["bindhost"]:
                found.setdefault(tenant.pk, "it is the host to be checked with")
            elif not tenant.enabled:
                found.setdefault(tenant.pk, "it is disabled, so it answers nobody")
        return found

    def run(self, tenant: Tenant) -> Steps:
        me, peers = self._sites(tenant)
        proof, wrong, trusts = Proof(), list[str](), list[str]()
        yield from rows_of(tenant, proof.opens(me))
        if not peers and not proof.lacks_rc4:
            raise NothingToDo("its network binds it with no enabled tenant")
        for peer in peers:
            yield None
            if found := proof.problems(me, peer):
                fresh = [sentence for sentence in found if sentence not in wrong]
                wrong += fresh
                yield from fresh
            else:
                trusts.append(peer.tenant.wwwroot)
                yield f"{peer.tenant}: each trusts the other"
        if proof.lacks_rc4:
            yield from platform.mend(tenant.release.php)
        if wrong:
            more = f"; and {len(wrong) - 1} more, in the log" if wrong[1:] else ""
            raise CommandFailed(
                f"{len(peers) - len(trusts)} of {len(peers)} peers and it do not trust"
                f" each other: {wrong[0]}{more}"
            )
        if proof.lacks_rc4:
            raise CommandFailed(f"{tenant.wwwroot}: {NO_RC4}")
        return {"trusts": trusts, "web_opens_rc4": proof.opens(me).opens}

    def _sites(self, tenant: Tenant) -> tuple[Site, list[Site]]:
        """Return what a site knows, and those that it shall be checked with."""
        others = list(self._others(tenant))
        known = sites.read([tenant])
        known |= sites.read(others, about=[tenant.wwwroot])
        return known[tenant.pk], [known[other.pk] for other in others]

    def _others(self, tenant: Tenant) -> Iterator[Tenant]:
        registry = Tenant.objects.with_edges().living().exclude(pk=tenant.pk)
        if host := self.cleaned_data["bindhost"]:
            yield from registry.filter(wwwroot=host)
            return
        everybody = list(registry.enabled())
        bonds = networks.bonds_of([tenant], everybody, Strategy.all())
        for other in everybody:
            if bonds.get((tenant.pk, other.pk)) is not None:
                yield other
