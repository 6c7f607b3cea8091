from django import forms
from django.utils.translation import gettext_lazy as _

from commands.base import register
from commands.system.address import AddressCommand
from tenants.wwwroot import clean_wwwroot


@register
class Rename(AddressCommand):
    """Give the site another address.

    In the registry, in what all tenants know of their MNet peers, and in the texts of
    the site. All is changed, or nothing. The web server and the name service must know
    the new address already. MNet keys name the address, so the site gets new
    ones.

    Example of attributes: wwwroot=https://new.example.org&redirect=1
    """

    content = None  # type: ignore[assignment] # they are replaced unless told not to

    field_order = ("wwwroot", "redirect", "without_content")

    wwwroot = forms.CharField(max_length=255, help_text=_("Its new wwwroot."))
    without_content = forms.BooleanField(
        required=False, help_text=_("Leave the address in the texts of the site.")
    )

    def clean_wwwroot(self) -> str:
        return clean_wwwroot(self.cleaned_data["wwwroot"])

    def target(self, wwwroot: str) -> str:
        return str(self.cleaned_data["wwwroot"])

    def with_content(self) -> bool:
        return not self.cleaned_data["without_content"]
