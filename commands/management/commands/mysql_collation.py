from commands.cli import TenantCommand
from commands.system.mysql_collation import MysqlCollation


class Command(TenantCommand):
    runs = MysqlCollation
