from commands.cli import TenantCommand
from commands.mnet.renew_mnet_keys import RenewMnetKeys


class Command(TenantCommand):
    runs = RenewMnetKeys
