from commands.cli import BulkCommand
from commands.system.replace import Replace


class Command(BulkCommand):
    runs = Replace
