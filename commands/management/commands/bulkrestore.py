from commands.cli import BulkCommand
from commands.lifecycle.restore import Restore


class Command(BulkCommand):
    runs = Restore
