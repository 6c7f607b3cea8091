from commands.cli import BulkCommand
from commands.mnet.start_mnet import StartMnet


class Command(BulkCommand):
    runs = StartMnet
