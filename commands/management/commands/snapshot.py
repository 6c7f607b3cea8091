from commands.cli import TenantCommand
from commands.lifecycle.snapshot import Snapshot


class Command(TenantCommand):
    runs = Snapshot
