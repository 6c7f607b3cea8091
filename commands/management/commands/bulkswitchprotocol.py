from commands.cli import BulkCommand
from commands.system.switch_protocol import SwitchProtocol


class Command(BulkCommand):
    runs = SwitchProtocol
