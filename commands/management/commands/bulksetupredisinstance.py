from commands.cli import BulkCommand
from commands.system.setup_redis_instance import SetupRedisInstance


class Command(BulkCommand):
    runs = SetupRedisInstance
