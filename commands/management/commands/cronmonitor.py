from argparse import ArgumentParser
from typing import Any

from commands.base import REFUSED
from commands.cli import refuse
from commands.shell.strict import StrictCommand
from commands.upkeep.cronhealth import add_limit, report
from tenants.selection import Selection


class Command(StrictCommand):
    help = """Tell whether the cron of a tenant is late, and why if that is known.

    Asks the site's database. Exit status 1: it is late."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "-H", "--host", required=True, help="wwwroot of the tenant."
        )
        add_limit(parser)

    def handle(self, *, host: str, max_gap: int, **options: Any) -> None:
        try:
            tenants = Selection([("tohosts", [host])]).resolve()
        except REFUSED as error:
            raise refuse(error) from error
        report(self, tenants, max_gap)
