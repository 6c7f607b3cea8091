from commands.cli import TenantCommand
from commands.generic.purge_caches import PurgeCaches


class Command(TenantCommand):
    runs = PurgeCaches
