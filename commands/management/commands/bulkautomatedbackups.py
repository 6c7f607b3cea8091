from commands.cli import BulkCommand
from commands.system.automated_backups import AutomatedBackups


class Command(BulkCommand):
    runs = AutomatedBackups
