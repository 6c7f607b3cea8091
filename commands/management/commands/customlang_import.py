from commands.cli import TenantCommand
from commands.system.customlang_import import CustomlangImport


class Command(TenantCommand):
    runs = CustomlangImport
