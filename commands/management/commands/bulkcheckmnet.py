from commands.cli import BulkCommand
from commands.mnet.check_mnet import CheckMnet


class Command(BulkCommand):
    runs = CheckMnet
