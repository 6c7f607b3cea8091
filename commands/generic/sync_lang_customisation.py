import re
from typing import Any, cast

from django import forms
from django.utils.translation import gettext_lazy as _

from commands import agent
from commands.base import CommandFailed, register
from commands.source import SourceCommand
from commands.validation import invalid
from tenants.models import Tenant


@register
class SyncLangCustomisation(SourceCommand, agent.AgentCommand):
    """Copy the customised strings of a tenant to others, all of them or none.

    The strings of a component in a language replace those that a target had
    customised there. What the source has not customised stays, unless `prune` removes
    it.

    Example of attributes: plugins=core,mod_quiz&langs=en
    """

    operation = "write_lang"

    plugins = forms.CharField(
        initial="all",
        max_length=4000,
        help_text=_("Components, separated by commas, such as core,mod_quiz; or: all."),
    )
    langs = forms.CharField(
        initial="all",
        max_length=1000,
        label=_("Languages"),
        help_text=_("Codes of languages, separated by commas, such as en,fr; or: all."),
    )
    prune = forms.BooleanField(
        required=False,
        help_text=_("Remove what the source has not customised, of what is chosen."),
    )

    def clean_plugins(self) -> list[str]:
        return _names(self.cleaned_data["plugins"])

    def clean_langs(self) -> list[str]:
        return _names(self.cleaned_data["langs"])

    def read(self, source: Tenant) -> dict[str, Any]:
        asked = {name: self.cleaned_data[name] for name in ("plugins", "langs")}
        found: dict[str, Any] = agent.read(source, "read_lang", asked)
        if not found:
            raise CommandFailed(
                _(
                    "%(site)s has no customised strings of these components in these "
                    "languages"
                )
                % {"site": source.wwwroot}
            )
        return found

    def payload(self, tenant: Tenant) -> dict[str, Any]:
        asked = {
            name: self.cleaned_data[name] for name in ("plugins", "langs", "prune")
        }
        return {"strings": cast(dict[str, Any], self.material), **asked}


def _names(text: str) -> list[str]:
    """Return the names of a list, each once, ["all"] when that is one of them."""
    names = list(dict.fromkeys(name.strip() for name in text.split(",")))
    for name in names:
        if not re.fullmatch("[a-z][a-z0-9_]{,99}", name):
            raise invalid(
                _(
                    "%(name)r is no name: write lower-case letters, digits and '_', "
                    "and separate names by commas"
                ),
                name=name[:80],
            )
    return ["all"] if "all" in names else names
