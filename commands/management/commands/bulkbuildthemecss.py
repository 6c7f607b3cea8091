from commands.cli import BulkCommand
from commands.system.build_theme_css import BuildThemeCss


class Command(BulkCommand):
    runs = BuildThemeCss
