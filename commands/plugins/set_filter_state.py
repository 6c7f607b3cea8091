from django import forms
from django.utils.translation import gettext_lazy as _

from commands.base import register
from commands.plugins.field import FilterField
from commands.plugins.states import AVAILABLE, OFF, ON
from commands.plugins.switch import PluginSwitch

STATES = {"enable": ON, "available": AVAILABLE, "disable": OFF}


@register
class SetFilterState(PluginSwitch):
    """Switch a text filter on, off but available to courses, or off.

    For the whole site; what single courses have chosen stays, and counts again when
    the filter is available again. Disabling ends its use in headings as well, as in
    Moodle.

    Example of attributes: plugin=filter/mathjaxloader&state=available
    """

    formerly = "Plugin_Set_Filter_State"

    plugin = FilterField(help_text=_("The filter: filter/NAME, or NAME."))
    state = forms.ChoiceField(
        choices=[
            ("enable", _("On")),
            ("available", _("Off, but available")),
            ("disable", _("Disabled")),
        ],
        help_text=_("What it shall be."),
    )

    def wanted(self) -> tuple[str, str]:
        return self.cleaned_data["plugin"], STATES[self.cleaned_data["state"]]
