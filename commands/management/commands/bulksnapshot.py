from commands.cli import BulkCommand
from commands.lifecycle.snapshot import Snapshot


class Command(BulkCommand):
    runs = Snapshot
