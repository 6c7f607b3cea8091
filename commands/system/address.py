"""The base of commands that give a site another address: all of it, or nothing."""

from collections.abc import Sequence

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from commands.base import Command, CommandFailed, NothingToDo, Steps
from commands.mnet.renew_mnet_keys import RenewMnetKeys
from mnet.sites import lacks_mnet
from tenants.errors import VMoodleError
from tenants.lifecycle import rename
from tenants.models import Tenant
from tenants.wwwroot import clean_wwwroot


class AddressCommand(Command):
    """Moves a site to the address that `target` tells, or leaves it where it was.

    In the registry, in what all tenants know of their MNet peers, and in its content.
    Then it gets MNet keys that name the new address, if MNet is on.
    """

    dangerous = True

    content = forms.BooleanField(
        required=False,
        help_text=_("Also replace the address in the texts of the site."),
    )

    redirect = forms.BooleanField(
        required=False,
        help_text=_("Let the former address lead to the new one (301)."),
    )

    def target(self, wwwroot: str) -> str:
        """Return the new address; raise ValidationError when it can be none."""
        raise NotImplementedError

    def skips(self, tenants: Sequence[Tenant]) -> dict[int, str]:
        return {
            tenant.pk: "it has this address already"
            for tenant in tenants
            if self._target(tenant)[0] == tenant.wwwroot
        }

    def refusals(self, tenants: Sequence[Tenant]) -> dict[int, str]:
        wanted = {tenant.pk: self._target(tenant) for tenant in tenants}
        taken = dict(Tenant.objects.values_list("wwwroot", "pk"))
        found = {pk: why for pk, (_new, why) in wanted.items() if why}
        for pk, (new, _why) in wanted.items():
            if taken.setdefault(new, pk) != pk:
                found.setdefault(pk, f"another tenant has, or shall get, {new}")
        return found

    def _target(self, tenant: Tenant) -> tuple[str, str]:
        """Return the new address, or why there is none."""
        try:
            return clean_wwwroot(self.target(tenant.wwwroot)), ""
        except ValidationError as error:
            return "", " ".join(error.messages)

    def run(self, tenant: Tenant) -> Steps:
        old, new = tenant.wwwroot, clean_wwwroot(self.target(tenant.wwwroot))
        if old == new:
            raise NothingToDo("it has this address already")
        yield from rename.rename(
            tenant,
            new,
            content=self.with_content(),
            redirect=self.cleaned_data["redirect"],
            job=self.job,
        )
        yield from self._renew_keys(tenant)
        return {"wwwroot": new, "before": old}

    def _renew_keys(self, tenant: Tenant) -> Steps:
        """Give the site MNet keys that name its new address, where it has MNet."""
        if lacks_mnet(tenant.release):
            return None
        try:
            yield from RenewMnetKeys.within(self).run(tenant)
        except NothingToDo as nothing:
            yield f"MNet keys stay: {nothing}"
        except VMoodleError as error:
            mend = f"run renew_mnetkeys --host={tenant.wwwroot}"
            yield f"Warning: its MNet keys name its former address: {error}; {mend}"
        return None

    def with_content(self) -> bool:
        return bool(self.cleaned_data["content"])

    def recover(self, tenant: Tenant) -> None:
        if left := rename.recover(tenant):
            raise CommandFailed(left)
