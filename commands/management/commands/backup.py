from commands.cli import TenantCommand
from commands.system.backup import Backup


class Command(TenantCommand):
    runs = Backup
