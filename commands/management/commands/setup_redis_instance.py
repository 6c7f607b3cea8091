from commands.cli import TenantCommand
from commands.system.setup_redis_instance import SetupRedisInstance


class Command(TenantCommand):
    runs = SetupRedisInstance
