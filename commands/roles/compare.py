from commands.base import register
from commands.compare import Comparison
from commands.roles.permissions import RolePermissions


@register
class Compare(Comparison, RolePermissions):
    """Set a role's permissions on many sites side by side.

    Those in the system context, of every capability: allow, prevent, prohibit, not set,
    or a capability that the site has not.

    Example of attributes: role=editingteacher
    """

    formerly = "Role_Compare"
    syncs = "roles/Sync"
