from commands.cli import BulkCommand
from commands.upgrade.upgrade import Upgrade


class Command(BulkCommand):
    runs = Upgrade
