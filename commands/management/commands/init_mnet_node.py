from commands.cli import TenantCommand
from commands.mnet.init_mnet_node import InitMnetNode


class Command(TenantCommand):
    runs = InitMnetNode
