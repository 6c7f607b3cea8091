from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from commands.agent import AgentCommand
from commands.base import register
from tenants.models import Tenant


@register
class SetConfig(AgentCommand):
    """Set one setting of Moodle's core.

    Goes through Moodle's own function, so that its caches follow. A setting that is
    forced by the registry is refused: it would not count.

    Example of attributes: key=guestloginbutton&value=0
    """

    operation = "set_config"

    key = forms.RegexField(
        r"\A[a-zA-Z0-9_]+\Z",
        max_length=255,
        help_text=_("Name of the setting, as in Moodle's table config."),
        error_messages={"invalid": _("A name is letters, digits and '_' only.")},
    )
    value = forms.CharField(
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("The new value; empty: the empty text."),
    )

    def payload(self, tenant: Tenant) -> dict[str, Any]:
        values = {self.cleaned_data["key"]: self.cleaned_data["value"]}
        return {"plugin": "", "values": values}
