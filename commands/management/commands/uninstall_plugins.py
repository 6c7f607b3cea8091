from commands.cli import TenantCommand
from commands.system.uninstall_plugins import UninstallPlugins


class Command(TenantCommand):
    runs = UninstallPlugins
