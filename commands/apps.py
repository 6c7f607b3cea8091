from typing import Any

from django.apps import AppConfig
from django.contrib.admin import apps as admin
from django.contrib.admin import autodiscover
from django.contrib.admin.checks import check_admin_app, check_dependencies
from django.core import checks
from django.utils.translation import gettext_lazy as _


class CommandsConfig(AppConfig):
    name = "commands"
    verbose_name = _("Commands")
    default = True

    def ready(self) -> None:
        from commands.base import import_commands  # forms need the app registry

        import_commands()


class ConsoleConfig(admin.SimpleAdminConfig):
    """Django's admin, under our own AdminSite.

    Its pages are loaded by the URLs that lead to them: most commands need none.
    """

    default = False
    default_site = "commands.console.site.Console"

    def ready(self) -> None:
        checks.register(check_dependencies, checks.Tags.admin)
        checks.register(check_pages, checks.Tags.admin)


def check_pages(**given: Any) -> list[checks.CheckMessage]:
    """Check the pages, which are loaded first."""
    autodiscover()
    found: list[checks.CheckMessage] = check_admin_app(**given)
    return found
