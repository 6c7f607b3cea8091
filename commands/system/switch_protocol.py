from django import forms
from django.utils.translation import gettext_lazy as _

from commands.base import register
from commands.system.address import AddressCommand


@register
class SwitchProtocol(AddressCommand):
    """Switch the site's address to https, or back to http.

    The web server must serve the new address already. All is changed, or nothing: the
    registry, what all tenants know of their MNet peers and, if asked, the texts of the
    site. The former address is served no longer. MNet keys name the address, so the
    site gets new ones.

    Example of attributes: protocol=https&content=1
    """

    letters = {"protocol": "p"}

    protocol = forms.ChoiceField(
        choices=[("https", "https"), ("http", "http")], help_text=_("https or http.")
    )

    def target(self, wwwroot: str) -> str:
        return f"{self.cleaned_data['protocol']}://{wwwroot.partition('://')[2]}"
