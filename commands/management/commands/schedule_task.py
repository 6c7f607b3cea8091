from commands.cli import TenantCommand
from commands.system.schedule_task import ScheduleTask


class Command(TenantCommand):
    runs = ScheduleTask
