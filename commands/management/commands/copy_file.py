from commands.cli import TenantCommand
from commands.generic.copy_file import CopyFile


class Command(TenantCommand):
    runs = CopyFile
