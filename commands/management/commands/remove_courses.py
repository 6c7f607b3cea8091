from commands.cli import TenantCommand
from commands.system.remove_courses import RemoveCourses


class Command(TenantCommand):
    runs = RemoveCourses
