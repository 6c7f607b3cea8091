from commands.cli import TenantCommand
from commands.system.reset_admin import ResetAdmin


class Command(TenantCommand):
    runs = ResetAdmin
