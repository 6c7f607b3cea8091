from commands.cli import TenantCommand
from commands.system.ldap_enrol_sync import LdapEnrolSync


class Command(TenantCommand):
    runs = LdapEnrolSync
