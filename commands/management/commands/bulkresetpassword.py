from commands.cli import BulkCommand
from commands.system.reset_password import ResetPassword


class Command(BulkCommand):
    runs = ResetPassword
