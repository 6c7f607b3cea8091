from commands.cli import BulkCommand
from commands.system.reset_admin import ResetAdmin


class Command(BulkCommand):
    runs = ResetAdmin
