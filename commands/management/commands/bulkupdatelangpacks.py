from commands.cli import BulkCommand
from commands.system.update_langpacks import UpdateLangpacks


class Command(BulkCommand):
    runs = UpdateLangpacks
