from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.core import checks
from django.db import connections
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _

OTHERS = 0o007


class TenantsConfig(AppConfig):
    name = "tenants"
    verbose_name = _("Registry")
    default = True

    def ready(self) -> None:
        from tenants import surroundings  # it wants settings

        checks.register(surroundings.check_settings)
        # Asked by migrate: most commands need not connect to be checked.
        checks.register(surroundings.check_registry, checks.Tags.database)
        post_migrate.connect(close_registry, sender=self)


def close_registry(using: str, **_given: Any) -> None:
    """Let others not read a registry that is a file: sessions and hashes are in it."""
    if connections[using].vendor != "sqlite":
        return
    name = connections[using].settings_dict["NAME"]
    for path in (Path(f"{name}{end}") for end in ("", "-wal", "-shm")):
        if path.is_file():
            path.chmod(path.stat().st_mode & ~OTHERS)
