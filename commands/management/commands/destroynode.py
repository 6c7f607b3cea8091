import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from commands.cli import BAD_USE, TenantCommand
from commands.lifecycle.destroy import Destroy


class Command(TenantCommand):
    runs = Destroy

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--confirm", metavar="URL", help="The wwwroot once more; else it is asked."
        )

    def handle(self, *, host: str, **options: Any) -> None:
        typed = options["confirm"]
        if typed is None and sys.stdin.isatty():
            self.stderr.write(f"Type {host} to destroy it: ", ending="")
            self.stderr.flush()
            typed = sys.stdin.readline().strip()
        if typed != host:
            raise CommandError(
                f"Not confirmed: give --confirm={host}; nothing was done",
                returncode=BAD_USE,
            )
        super().handle(host=host, **options)
