from commands.cli import TenantCommand
from commands.mnet.start_mnet import StartMnet


class Command(TenantCommand):
    runs = StartMnet
