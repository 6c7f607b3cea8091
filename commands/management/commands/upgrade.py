from commands.cli import TenantCommand
from commands.upgrade.upgrade import Upgrade


class Command(TenantCommand):
    runs = Upgrade
