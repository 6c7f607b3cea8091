from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from commands.base import register
from commands.generic.setting import EMPTY, SettingCommand
from tenants import bound
from tenants.models import Tenant


@register
class SetConfig(SettingCommand):
    """Set one setting of Moodle's core.

    Goes through Moodle's own function, so that its caches follow. A setting that is
    forced by the registry is refused: it would not count. So is one that belongs to
    the site alone, such as its version, its address or its identifier. The value of
    one that is secret by its name, such as a password, is neither shown nor kept.

    Example of attributes: key=guestloginbutton&value=0
    """

    key_and_value = ("key", "value")

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
    empty = EMPTY

    def clean_key(self) -> str:
        key: str = self.cleaned_data["key"]
        if reason := bound.never_set(key):
            raise ValidationError(reason)
        return key

    def payload(self, tenant: Tenant) -> dict[str, Any]:
        values = {self.cleaned_data["key"]: self.cleaned_data["value"]}
        return {"settings": {"": values}}
