from commands.cli import TenantCommand
from commands.system.replace import Replace


class Command(TenantCommand):
    runs = Replace
