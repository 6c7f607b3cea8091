from commands.cli import TenantCommand
from commands.system.ldap_sync_users import LdapSyncUsers


class Command(TenantCommand):
    runs = LdapSyncUsers
