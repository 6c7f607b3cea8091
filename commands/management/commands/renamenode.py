from commands.cli import TenantCommand
from commands.lifecycle.rename import Rename


class Command(TenantCommand):
    runs = Rename
