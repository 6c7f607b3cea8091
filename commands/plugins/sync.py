from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

from commands.base import register
from commands.compare import Sync as SyncBase
from commands.matrix import Cell, Column
from commands.plugins.field import PluginTypeField
from commands.plugins.states import ABSENT, WORDS, columns, switched
from tenants.models import Tenant


@register
class Sync(SyncBase):
    """Switch plugins on and off as they are on another site.

    Plugins of one type, of all, or those that were picked; only what differs is
    touched, by Moodle's own functions. Nothing is installed or removed: a plugin that
    either site has not stays as it is.

    Example of attributes: source=https://a.example.org&plugintype=auth
    """

    formerly = "Plugins_Sync"
    operation = "set_plugin_states"
    words = WORDS
    absent = ABSENT

    plugintype = PluginTypeField(
        label=_("Type"), help_text=_("A type of plugins, such as mod; empty: all.")
    )

    def columns(self, tenants: Sequence[Tenant]) -> dict[int, Column | str]:
        return columns(tenants, self.cleaned_data["plugintype"])

    def copies(self, wanted: Cell, cell: Cell) -> bool:
        return switched(wanted, cell)

    def changing(self, changes: Column) -> dict[str, Any]:
        return {"states": {plugin: cell.kind for plugin, cell in changes.items()}}
