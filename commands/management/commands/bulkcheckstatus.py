from commands.cli import BulkCommand
from commands.upgrade.check_status import CheckStatus


class Command(BulkCommand):
    runs = CheckStatus
