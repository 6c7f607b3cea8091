from commands.cli import TenantCommand
from commands.system.register import Register


class Command(TenantCommand):
    runs = Register
