from collections.abc import Sequence

from django import forms
from django.utils.translation import gettext_lazy as _

from commands.base import CommandFailed, NothingToDo, Steps, register
from commands.mnet.node import MnetCommand, granted
from commands.validation import invalid
from mnet import binding, networks, sites
from mnet.models import Strategy
from mnet.sites import ON, Site
from tenants.models import Tenant
from tenants.wwwroot import clean_wwwroot

SUBS, NONE = "subs", "none"


@register
class InitMnetNode(MnetCommand):
    """Make a site a working member of its network, or mend what is wrong with it.

    Switches MNet on, makes keys where they are needed, lets users come and go, and
    binds the site with others: both know each other, with the services of the strategy
    for such a pair. What is right already is left alone. A site that has no keys yet
    is bound by its own job. At the end the site is asked whether the PHP that serves it
    opens RC4, as MNet needs it; if not, it is told what mends that.

    Example of attributes: bindhost=subs&roles=user
    """

    letters = {"bindhost": "b", "newkey": "n", "roles": "R"}

    bindhost = forms.CharField(
        required=False,
        max_length=255,
        help_text=_(
            "wwwroot of the tenant to be bound with, or 'subs' for all enabled ones;"
            " empty: all of its network, as the registry has it."
        ),
    )
    newkey = forms.BooleanField(
        required=False, help_text=_("Make new keys even if the site's serve still.")
    )
    roles = forms.RegexField(
        r"\A[\w-]+(\s*,\s*[\w-]+)*\Z",
        required=False,
        initial="user",
        max_length=255,
        help_text=_(
            "Short names of the roles whose users may go to other sites, by commas;"
            " none: nobody is allowed anything."
        ),
    )

    def clean_bindhost(self) -> str:
        text: str = self.cleaned_data["bindhost"]
        if text in ("", SUBS):
            return text
        wwwroot = clean_wwwroot(text)
        if not Tenant.objects.living().filter(wwwroot=wwwroot).exists():
            raise invalid(
                _(
                    "No such tenant: %(name)s; give a wwwroot of the registry, or "
                    "'%(subs)s'"
                ),
                name=text,
                subs=SUBS,
            )
        return wwwroot

    def clean_roles(self) -> list[str]:
        words = [word.strip() for word in self.cleaned_data["roles"].split(",")]
        return [] if words == [NONE] else [word for word in words if word]

    def skips(self, tenants: Sequence[Tenant]) -> dict[int, str]:
        found = super().skips(tenants)
        for tenant in tenants:
            if tenant.wwwroot == self.cleaned_data["bindhost"]:
                found.setdefault(tenant.pk, "it is the host to be bound with")
            elif tenant.network == networks.OFF and not self.cleaned_data["bindhost"]:
                why = "its network is -1, MNet is off for it: set its network first"
                found.setdefault(tenant.pk, why)
        return found

    def run(self, tenant: Tenant) -> Steps:
        done = yield from self._prepare(tenant)
        bound, waiting = self._bind(tenant)
        for change in bound:
            yield f"mended: {change.site.tenant} {change.said()}"
        yield from (f"{root} is not bound yet: {why}" for root, why in waiting.items())
        if not bound and not done:
            number = f"; {len(waiting)} others are not ready" if waiting else ""
            raise NothingToDo(f"it is bound as it shall be{number}")
        web = yield from self.web(tenant)
        return {"changed": done, "mended": len(bound), "waiting": waiting, **web}

    def _prepare(self, tenant: Tenant) -> Steps:
        """Switch the site on, with keys and rights; return what was changed."""
        site, roles = self.site(tenant), self.cleaned_data["roles"]
        why = site.trouble_with_keys
        if self.cleaned_data["newkey"] and not why:
            why = "new keys are wanted"
        done: list[object] = [why] if why else []
        if why:
            yield why
            yield from self.renew(site)
        login = "mnet" in site.settings.get("auth", "").split(",")
        if why or not (site.on and login and granted(tenant) >= {*roles}):
            changed = yield from self.switch(tenant, mode=ON, auth=True, roles=roles)
            assert isinstance(changed, list)
            done += changed
        return done

    def _bind(self, tenant: Tenant) -> tuple[list[binding.Change], dict[str, str]]:
        """Bind the site; return what was changed, and with whom it cannot be yet."""
        registry = Tenant.objects.with_edges()
        strategies = Strategy.all()
        with binding.alone(registry):
            everybody = list(registry.all())  # as it is now
            me = next(one for one in everybody if one.pk == tenant.pk)
            others = [one for one in everybody if one.pk != tenant.pk]
            known = sites.read([me]) | sites.read(others, about=[me.wwwroot])
            if host := self.cleaned_data["bindhost"]:
                bonds: dict[tuple[int, int], sites.Services | None] = {}
                for other in others:
                    if self._is_asked(other, host):
                        bonds |= networks.asked_bonds(me, other, strategies)
            else:
                bonds = networks.bonds_of([me], others, strategies)
            changes = binding.differences(known, bonds)
            waiting = _waiting(me, known, bonds)
            if waiting and host not in ("", SUBS):
                raise CommandFailed(
                    f"{host} cannot be bound: {waiting[host]}: run start_mnet on it"
                )
            binding.write(changes)
        return changes, waiting

    def _is_asked(self, other: Tenant, host: str) -> bool:
        if host == SUBS:
            on = other.network != networks.OFF and not other.deleted_at
            return other.enabled and on and not sites.lacks_mnet(other.release)
        return other.wwwroot == host


def _waiting(
    me: Tenant, known: dict[int, Site], bonds: binding.Bonds
) -> dict[str, str]:
    return {
        known[other].tenant.wwwroot: known[other].trouble
        for (one, other), services in bonds.items()
        if one == me.pk and services is not None and known[other].trouble
    }
