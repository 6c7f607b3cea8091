from commands.cli import TenantCommand
from commands.upgrade.check_status import CheckStatus


class Command(TenantCommand):
    runs = CheckStatus
