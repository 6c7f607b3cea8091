from commands.cli import BulkCommand
from commands.mnet.init_mnet_node import InitMnetNode


class Command(BulkCommand):
    runs = InitMnetNode
