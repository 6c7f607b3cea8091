from commands.cli import BulkCommand
from commands.system.uninstall_plugins import UninstallPlugins


class Command(BulkCommand):
    runs = UninstallPlugins
