from commands.cli import BulkCommand
from commands.generic.purge_caches import PurgeCaches


class Command(BulkCommand):
    runs = PurgeCaches
