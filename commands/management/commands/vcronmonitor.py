from argparse import ArgumentParser
from typing import Any

from commands.base import REFUSED
from commands.cli import refuse
from commands.shell.options import add_selection, selection
from commands.shell.strict import StrictCommand
from commands.upkeep.cronhealth import add_limit, report


class Command(StrictCommand):
    help = """Tell which tenants' crons are late, and why if that is known.

    Asks the sites' databases, a statement for some fifty sites. Exit status 1: one of
    them is late."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_selection(parser)
        add_limit(parser)

    def handle(self, *, max_gap: int, **options: Any) -> None:
        try:
            tenants = selection(options).resolve()
        except REFUSED as error:
            raise refuse(error) from error
        report(self, tenants, max_gap)
