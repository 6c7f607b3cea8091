from commands.cli import BulkCommand
from commands.system.cron import Cron


class Command(BulkCommand):
    runs = Cron
