from commands.cli import BulkCommand
from commands.system.switch_domain import SwitchDomain


class Command(BulkCommand):
    runs = SwitchDomain
