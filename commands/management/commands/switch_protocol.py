from commands.cli import TenantCommand
from commands.system.switch_protocol import SwitchProtocol


class Command(TenantCommand):
    runs = SwitchProtocol
