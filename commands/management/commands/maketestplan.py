from commands.cli import TenantCommand
from commands.system.make_test_plan import MakeTestPlan


class Command(TenantCommand):
    runs = MakeTestPlan
