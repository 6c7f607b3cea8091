from commands.cli import BulkCommand
from commands.system.migrate_hvp2h5p import MigrateHvp2H5p


class Command(BulkCommand):
    runs = MigrateHvp2H5p
