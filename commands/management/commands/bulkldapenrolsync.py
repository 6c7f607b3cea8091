from commands.cli import BulkCommand
from commands.system.ldap_enrol_sync import LdapEnrolSync


class Command(BulkCommand):
    runs = LdapEnrolSync
