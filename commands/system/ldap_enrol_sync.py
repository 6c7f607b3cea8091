from commands.base import register
from commands.scheduled import TaskScript


@register
class LdapEnrolSync(TaskScript):
    """Bring the site's enrolments in line with its LDAP directory.

    Runs Moodle's own task for it, whether that is enabled or not. Courses may be
    created, users enrolled or unenrolled, as the site's settings say. Sites without
    LDAP enrolment are skipped.

    Example of attributes: more=--force
    """

    task = r"\enrol_ldap\task\sync_enrolments"
    needs = ("enrol_plugins_enabled", "ldap")
