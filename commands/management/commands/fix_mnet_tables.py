from commands.cli import TenantCommand
from commands.mnet.fix_mnet_tables import FixMnetTables


class Command(TenantCommand):
    runs = FixMnetTables
