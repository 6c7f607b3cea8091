from commands.cli import BulkCommand
from commands.system.recover_grades import RecoverGrades


class Command(BulkCommand):
    runs = RecoverGrades
