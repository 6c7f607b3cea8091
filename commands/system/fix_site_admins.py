from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from commands.agent import AgentCommand
from commands.base import register
from commands.validation import invalid
from tenants.models import Tenant


@register
class FixSiteAdmins(AgentCommand):
    """Put those on the site's list of administrators who shall be there.

    The local account `admin`, which is brought back if it was deleted, and those that
    the parameters name. Nobody is taken off the list.

    Example of attributes: userscheme=nx-%25&fixguest=1
    """

    operation = "fix_site_admins"
    letters = {"userscheme": "u", "fixguest": "g"}

    userscheme = forms.CharField(
        required=False,
        max_length=100,
        help_text=_(
            "Also users whose login name fits; '%' is any run of characters, '_' any "
            "one. More than 20 are refused."
        ),
    )
    withmnetadmins = forms.BooleanField(
        required=False,
        help_text=_("Also the account 'admin' of the main tenant, as MNet knows it."),
    )
    fixguest = forms.BooleanField(
        required=False, help_text=_("Name the account 'guest' as the guest account.")
    )

    def clean_userscheme(self) -> str:
        pattern: str = self.cleaned_data["userscheme"]
        if pattern and not pattern.strip("%_"):
            raise invalid(
                _("%(pattern)r fits everybody: give a part of the name"),
                pattern=pattern,
            )
        return pattern

    def payload(self, tenant: Tenant) -> dict[str, Any]:
        main = Tenant.objects.filter(is_main=True).first()
        return {**self.cleaned_data, "main": main.wwwroot if main else ""}
