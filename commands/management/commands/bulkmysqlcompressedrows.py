from commands.cli import BulkCommand
from commands.system.mysql_compressed_rows import MysqlCompressedRows


class Command(BulkCommand):
    runs = MysqlCompressedRows
