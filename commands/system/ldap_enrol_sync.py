import re

from commands.base import CommandFailed, Json, register
from commands.scheduled import FAILED, TaskScript
from tenants.models import Tenant

# What Moodle prints when none of the directory's servers lets it in. The task then
# completes as if it had found nothing to do.
UNREACHED = r"^No LDAP Host URL|^Server: '.*', (.*, )?(STARTTLS failed|Bind result: )"


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
    heeds = f"{FAILED}|{UNREACHED}"

    def prove(self, tenant: Tenant, code: int) -> Json:
        if unreached := [line for line in self.heard if re.match(UNREACHED, line)]:
            raise CommandFailed(f"no LDAP directory was reached: {unreached[0]}")
        return super().prove(tenant, code)
