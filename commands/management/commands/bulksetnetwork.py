from commands.cli import BulkCommand
from commands.mnet.set_network import SetNetwork


class Command(BulkCommand):
    runs = SetNetwork
