from commands.cli import BulkCommand
from commands.system.remove_courses import RemoveCourses


class Command(BulkCommand):
    runs = RemoveCourses
