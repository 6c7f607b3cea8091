from commands.cli import BulkCommand
from commands.system.mysql_collation import MysqlCollation


class Command(BulkCommand):
    runs = MysqlCollation
