from commands.cli import TenantCommand
from commands.mnet.check_mnet import CheckMnet


class Command(TenantCommand):
    runs = CheckMnet
