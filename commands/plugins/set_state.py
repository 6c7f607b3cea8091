from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from commands.base import register
from commands.plugins.field import PluginField
from commands.plugins.states import AVAILABLE, OFF, ON
from commands.plugins.switch import PluginSwitch


@register
class SetState(PluginSwitch):
    """Switch a plugin on or off.

    By Moodle's own function for its type, with what belongs to it: the activities of
    a module that is disabled are hidden, and shown again when it is enabled. A
    repository is hidden, and what was taken from it stays. A plugin of the type local
    is told by its own functions local_NAME_enable or local_NAME_disable, if it has
    them. A type without a switch, and a plugin that is not installed, fail.

    Example of attributes: plugin=mod/chat&state=disable
    """

    formerly = "Plugin_Set_State"

    plugin = PluginField(help_text=_("Type and name: mod/quiz, or mod_quiz."))
    state = forms.ChoiceField(
        choices=[("enable", _("Enable")), ("disable", _("Disable"))],
        help_text=_("What it shall be."),
    )

    def clean_plugin(self) -> str:
        plugin: str = self.cleaned_data["plugin"]
        if plugin.startswith("filter/"):
            raise ValidationError(_("A filter has three states: use SetFilterState"))
        return plugin

    def wanted(self) -> tuple[str, str]:
        plugin: str = self.cleaned_data["plugin"]
        if self.cleaned_data["state"] == "enable":
            return plugin, ON
        return plugin, AVAILABLE if plugin.startswith("repository/") else OFF

    def fits(self, state: str) -> bool:
        wanted = self.wanted()[1]
        return state == wanted or (wanted == AVAILABLE and state == OFF)
