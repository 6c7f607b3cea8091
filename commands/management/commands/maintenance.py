from commands.cli import TenantCommand
from commands.generic.maintenance import Maintenance


class Command(TenantCommand):
    runs = Maintenance
