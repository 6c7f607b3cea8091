from commands.cli import BulkCommand
from commands.system.make_test_plan import MakeTestPlan


class Command(BulkCommand):
    runs = MakeTestPlan
