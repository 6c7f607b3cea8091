from commands.cli import BulkCommand
from commands.lifecycle.check import Check


class Command(BulkCommand):
    runs = Check
