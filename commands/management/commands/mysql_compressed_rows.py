from commands.cli import TenantCommand
from commands.system.mysql_compressed_rows import MysqlCompressedRows


class Command(TenantCommand):
    runs = MysqlCompressedRows
