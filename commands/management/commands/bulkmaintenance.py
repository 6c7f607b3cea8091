from commands.cli import BulkCommand
from commands.generic.maintenance import Maintenance


class Command(BulkCommand):
    runs = Maintenance
