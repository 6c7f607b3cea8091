from typing import Any

from commands.base import register
from commands.compare import Sync
from commands.matrix import Column
from commands.roles.allows import SEPARATOR, YES, AllowTable


@register
class AllowSync(AllowTable, Sync):
    """Let roles assign, override, switch to, or view others as on another site.

    Of one table, all roles or one, and only what differs. A pair that names a role
    which either site has not stays as it is.

    Example of attributes: table=assign&role=teacher
    """

    formerly = "Role_Allow_Sync"
    operation = "sync_role_allows"

    def changing(self, changes: Column) -> dict[str, Any]:
        return {
            "table": self.cleaned_data["table"],
            "pairs": [
                [*name.split(SEPARATOR, 1), cell == YES]
                for name, cell in changes.items()
            ],
        }
