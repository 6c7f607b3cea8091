from commands.cli import TenantCommand
from commands.system.migrate_hvp2h5p import MigrateHvp2H5p


class Command(TenantCommand):
    runs = MigrateHvp2H5p
