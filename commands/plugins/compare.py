from collections.abc import Sequence

from django import forms
from django.utils.translation import gettext_lazy as _

from commands.base import register
from commands.compare import Comparison
from commands.matrix import Cell, Column
from commands.plugins.field import PluginTypeField
from commands.plugins.states import ABSENT, WORDS, columns, switched
from tenants.models import Tenant


@register
class Compare(Comparison):
    """Set the plugins of sites side by side: installed, switched on, in which version.

    All types of plugins, or one. Plugins that the reference has not are listed too. A
    plugin that is older than its code is marked: its site needs an upgrade.

    Example of attributes: plugintype=auth
    """

    formerly = "Plugins_Compare"
    syncs = "plugins/Sync"
    words = WORDS
    absent = ABSENT

    plugintype = PluginTypeField(
        label=_("Type"), help_text=_("A type of plugins, such as mod; empty: all.")
    )
    versions = forms.BooleanField(
        required=False, help_text=_("Sites differ by the version of a plugin as well.")
    )

    def columns(self, tenants: Sequence[Tenant]) -> dict[int, Column | str]:
        given = self.cleaned_data
        return columns(tenants, given["plugintype"], versions=given["versions"])

    def copies(self, wanted: Cell, cell: Cell) -> bool:
        return switched(wanted, cell)
