from commands.cli import TenantCommand
from commands.mnet.set_network import SetNetwork


class Command(TenantCommand):
    runs = SetNetwork
