from commands.cli import TenantCommand
from commands.system.delete_users import DeleteUsers


class Command(TenantCommand):
    runs = DeleteUsers
