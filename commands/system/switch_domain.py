from urllib.parse import urlsplit

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from commands.base import register
from commands.system.address import AddressCommand
from commands.validation import invalid
from tenants.wwwroot import clean_wwwroot


@register
class SwitchDomain(AddressCommand):
    """Move the site to the same name below another domain.

    The web server and the name service must know the new address already. All is
    changed, or nothing: the registry, what all tenants know of their MNet peers and,
    if asked, the texts of the site. The former address is served no longer. MNet keys
    name the address, so the site gets new ones.

    Example of attributes: domain=example.net&fromdomain=example.org&content=1
    """

    letters = {"domain": "D", "fromdomain": "F"}

    domain = forms.CharField(max_length=200, help_text=_("The new domain."))
    fromdomain = forms.CharField(
        required=False,
        max_length=200,
        help_text=_("The former one; empty: all behind the first dot of the host."),
    )

    def clean_domain(self) -> str:
        return _domain(self.cleaned_data["domain"])

    def clean_fromdomain(self) -> str:
        former: str = self.cleaned_data["fromdomain"]
        return _domain(former) if former else ""

    def target(self, wwwroot: str) -> str:
        parts = urlsplit(wwwroot)
        host = parts.hostname or ""
        former = self.cleaned_data["fromdomain"] or host.partition(".")[2]
        if not former or not host.endswith(f".{former}"):
            # English: it is kept, as the error of a job.
            raise ValidationError(f"{host} is not below {former or 'any domain'}")
        moved = f"{host.removesuffix(former)}{self.cleaned_data['domain']}"
        return parts._replace(netloc=parts.netloc.replace(host, moved, 1)).geturl()


def _domain(text: str) -> str:
    """Return a domain as the registry has it; raise ValidationError."""
    found = clean_wwwroot(f"http://{text.strip('.')}").removeprefix("http://")
    if set(found) & set(":/"):
        raise invalid(_("%(text)r is no domain, such as example.org"), text=text)
    return found
