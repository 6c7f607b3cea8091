from commands.cli import TenantCommand
from commands.system.update_langpacks import UpdateLangpacks


class Command(TenantCommand):
    runs = UpdateLangpacks
