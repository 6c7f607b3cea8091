from commands.cli import BulkCommand
from commands.lifecycle.destroy import Destroy


class Command(BulkCommand):
    runs = Destroy
