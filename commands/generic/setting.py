"""The base of commands that set one setting, which may be a secret."""

from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from commands.agent import AgentCommand
from commands.validation import invalid
from tenants import confidential

EMPTY = forms.BooleanField(
    required=False,
    help_text=_("Set the empty text; needed where the name tells of a secret."),
)


class SettingCommand(AgentCommand):
    """Sets a setting; the value of one that is secret by its name is kept as one.

    Subclasses have a field for each, and `empty = EMPTY`.
    """

    operation = "set_config"
    key_and_value: ClassVar[tuple[str, str]]  # names of the fields

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        key, value = self.key_and_value
        if given.get(value) and given["empty"]:
            raise ValidationError(_("Give a value or empty, not both"))
        missing = key in given and not given.get(value) and not given["empty"]
        if missing and confidential.is_secret(self._name()):
            # It is not kept: a run that is tried again would wipe the setting.
            why = _("%(name)s is secret by its name: give its value, or empty")
            raise ValidationError({value: invalid(why, name=self._name())})
        return given

    def _name(self) -> str:
        return str(self[self.key_and_value[0]].data or "").rpartition("/")[2]

    def hidden(self) -> set[str]:
        value = self.key_and_value[1]
        given = str(self[value].data or "")
        return {value} if confidential.shown(self._name(), given) != given else set()
