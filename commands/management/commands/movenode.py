from commands.cli import TenantCommand
from commands.lifecycle.move import Move


class Command(TenantCommand):
    runs = Move
