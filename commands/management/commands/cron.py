from commands.cli import TenantCommand
from commands.system.cron import Cron


class Command(TenantCommand):
    runs = Cron
