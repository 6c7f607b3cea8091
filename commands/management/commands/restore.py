from commands.cli import TenantCommand
from commands.lifecycle.restore import Restore


class Command(TenantCommand):
    runs = Restore
