from commands.cli import BulkCommand
from commands.system.import_mapped_data import ImportMappedData


class Command(BulkCommand):
    runs = ImportMappedData
