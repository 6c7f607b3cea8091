from commands.base import register
from commands.scheduled import TaskScript


@register
class LdapSyncUsers(TaskScript):
    """Bring the site's users in line with its LDAP directory.

    Runs Moodle's own task for it, whether that is enabled or not. Users may be
    created, changed, suspended or deleted, as the site's settings say. Sites without
    LDAP authentication are skipped.

    Example of attributes: more=--force
    """

    task = r"\auth_ldap\task\sync_task"
    needs = ("auth", "ldap")
