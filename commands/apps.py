from django.apps import AppConfig
from django.contrib.admin import apps as admin


class CommandsConfig(AppConfig):
    name = "commands"
    verbose_name = "Commands"
    default = True

    def ready(self) -> None:
        from commands.base import import_commands  # forms need the app registry

        import_commands()


class ConsoleConfig(admin.AdminConfig):
    """Django's admin, under our own AdminSite."""

    default = False
    default_site = "commands.console.Console"
