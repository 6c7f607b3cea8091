from commands.cli import BulkCommand
from commands.system.ldap_sync_users import LdapSyncUsers


class Command(BulkCommand):
    runs = LdapSyncUsers
