from commands.cli import TenantCommand
from commands.system.import_mapped_data import ImportMappedData


class Command(TenantCommand):
    runs = ImportMappedData
