from commands.base import register
from commands.compare import Comparison
from commands.roles.allows import AllowTable


@register
class AllowCompare(Comparison, AllowTable):
    """Set side by side which role may assign, override, switch to, or view which.

    All roles of a table, or one. Roles are told by their short names, since their
    numbers differ from site to site.

    Example of attributes: table=assign
    """

    formerly = "Role_Allow_Compare"
    syncs = "roles/AllowSync"
