from commands.cli import TenantCommand
from commands.system.recover_grades import RecoverGrades


class Command(TenantCommand):
    runs = RecoverGrades
