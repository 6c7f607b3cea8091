from commands.cli import BulkCommand
from commands.mnet.renew_mnet_keys import RenewMnetKeys


class Command(BulkCommand):
    runs = RenewMnetKeys
