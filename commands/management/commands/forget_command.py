from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from commands.cli import BAD_USE
from commands.models import SavedCommand


class Command(BaseCommand):
    help = "Forget a saved command; what it has run stays in the history."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="Name of the saved command.")

    def handle(self, *, name: str, **options: Any) -> None:
        if not SavedCommand.objects.filter(name=name).delete()[0]:
            raise CommandError(
                f"There is no saved command {name!r}: 'manage.py run_saved' lists them",
                returncode=BAD_USE,
            )
        self.stdout.write(f"Forgotten: {name}")
