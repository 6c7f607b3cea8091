from commands.cli import BulkCommand
from commands.system.schedule_task import ScheduleTask


class Command(BulkCommand):
    runs = ScheduleTask
