from commands.cli import TenantCommand
from commands.system.switch_domain import SwitchDomain


class Command(TenantCommand):
    runs = SwitchDomain
