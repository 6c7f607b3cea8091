"""The base of management commands whose script has no purpose any more."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError


class Gone(BaseCommand):
    """Say in one sentence since when it is gone and what to use: the `help`."""

    requires_system_checks = ()

    def run_from_argv(self, argv: list[str]) -> None:
        """Answer whatever options the script used to have."""
        asked = {"-h", "--help"} & set(argv[2:])
        super().run_from_argv([*argv[:2], *(["--help"] if asked else [])])

    def handle(self, **options: Any) -> None:
        raise CommandError(self.help, returncode=2)
