from commands.cli import BulkCommand
from commands.system.backup import Backup


class Command(BulkCommand):
    runs = Backup
