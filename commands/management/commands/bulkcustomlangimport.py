from commands.cli import BulkCommand
from commands.system.customlang_import import CustomlangImport


class Command(BulkCommand):
    runs = CustomlangImport
