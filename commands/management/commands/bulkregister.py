from commands.cli import BulkCommand
from commands.system.register import Register


class Command(BulkCommand):
    runs = Register
