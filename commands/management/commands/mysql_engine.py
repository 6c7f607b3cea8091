from commands.cli import TenantCommand
from commands.system.mysql_engine import MysqlEngine


class Command(TenantCommand):
    runs = MysqlEngine
