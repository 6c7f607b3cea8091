from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from commands.base import register
from commands.generic.setting import EMPTY, SettingCommand
from commands.validation import invalid
from tenants import bound
from tenants.models import Tenant


@register
class SetPluginConfig(SettingCommand):
    """Set one setting of a plugin.

    Goes through Moodle's own function, so that its caches follow. A site without the
    plugin fails, and a setting that is forced by the registry is refused. So is one
    that belongs to the site alone, such as the plugin's version. The value of one that
    is secret by its name, such as a password, is neither shown nor kept.

    Example of attributes: pkey=auth_ldap/host_url&pvalue=ldaps://ldap.example.org
    """

    key_and_value = ("pkey", "pvalue")

    pkey = forms.RegexField(
        r"\A[a-zA-Z][a-zA-Z0-9_]{,99}(/[a-zA-Z0-9_]{1,100}){1,2}\Z",
        max_length=201,
        label=_("Plugin and key"),
        help_text=_("Plugin and name of the setting, as in quiz/timelimit."),
        error_messages={
            "invalid": _(
                "Write PLUGIN/NAME, of letters, digits and '_', each 100 at most."
            )
        },
    )
    pvalue = forms.CharField(
        label=_("Value"),
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("The new value; empty: the empty text."),
    )
    empty = EMPTY

    def clean_pkey(self) -> str:
        key: str = self.cleaned_data["pkey"]
        plugin, name = self.parts()
        if plugin in {"core", "moodle"}:
            raise invalid(
                _("%(name)s is no plugin's: set it by generic/SetConfig"), name=name
            )
        if reason := bound.never_set(name, plugin):
            raise ValidationError(reason)
        return key

    def parts(self) -> tuple[str, str]:
        """Return plugin and name; what was auth/ldap is auth_ldap since Moodle 3.3."""
        plugin, _slash, name = self.cleaned_data["pkey"].rpartition("/")
        return plugin.replace("/", "_"), name

    def payload(self, tenant: Tenant) -> dict[str, Any]:
        plugin, name = self.parts()
        return {"settings": {plugin: {name: self.cleaned_data["pvalue"]}}}
