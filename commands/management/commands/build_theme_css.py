from commands.cli import TenantCommand
from commands.system.build_theme_css import BuildThemeCss


class Command(TenantCommand):
    runs = BuildThemeCss
