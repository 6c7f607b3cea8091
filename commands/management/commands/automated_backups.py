from commands.cli import TenantCommand
from commands.system.automated_backups import AutomatedBackups


class Command(TenantCommand):
    runs = AutomatedBackups
