from commands.cli import TenantCommand
from commands.lifecycle.check import Check


class Command(TenantCommand):
    runs = Check
