from commands.cli import BulkCommand
from commands.system.mysql_engine import MysqlEngine


class Command(BulkCommand):
    runs = MysqlEngine
