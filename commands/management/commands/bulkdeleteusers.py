from commands.cli import BulkCommand
from commands.system.delete_users import DeleteUsers


class Command(BulkCommand):
    runs = DeleteUsers
