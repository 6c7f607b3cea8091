from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from typing import Any

from django.core.management.base import CommandError

from commands import results
from commands.base import Json
from commands.cli import BAD_USE
from commands.models import Run
from commands.results import Table, plain
from commands.shell.strict import StrictCommand


class Command(StrictCommand):
    help = """Print what the jobs of a run brought home: rows, or other results.

    A table of each tenant, or all in one with the tenant in front."""
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("run", type=int, metavar="RUN", help="Its number.")
        forms = parser.add_mutually_exclusive_group()
        forms.add_argument(
            "--csv", action="store_true", help="As CSV, all tenants in one table."
        )
        forms.add_argument("--json", action="store_true", help="As JSON.")
        parser.add_argument(
            "--merged",
            action="store_true",
            help="All tenants in one table: as JSON, or with tabs between.",
        )
        parser.add_argument(
            "--filter", default="", metavar="TEXT", help="Only rows that hold this."
        )

    def handle(self, *, run: int, filter: str, merged: bool, **options: Any) -> None:
        try:
            found = Run.objects.exclude(state=Run.State.DRAFT).get(pk=run)
        except Run.DoesNotExist:
            raise CommandError(f"There is no run {run}", returncode=BAD_USE) from None
        if options["json"]:
            parts = results.json_parts(found, filter, in_one=merged)
        elif options["csv"]:
            parts = results.csv_lines(*results.merged(found, filter))
        elif merged:
            columns, rows = results.merged(found, filter)
            parts = (f"{line}\n" for line in tabbed(columns, rows))
        else:
            tables = (table.only(filter) for table in results.tables(found))
            parts = (as_text(table) for table in tables if table.rows or not filter)
        for part in parts:
            self.stdout.write(part, ending="")


def tabbed(columns: list[str], rows: Iterable[list[Json]]) -> Iterator[str]:
    yield "\t".join(map(plain, columns))
    for row in rows:
        yield "\t".join(map(plain, row))


def as_text(table: Table) -> str:
    """Return a table under the name of its tenant, its columns one below the other."""
    head: list[Json] = [*table.columns]
    lines = [list(map(plain, row)) for row in [head, *table.rows]]
    widths = [max(map(len, column)) for column in zip(*lines, strict=False)]
    text = "".join(f"  {_spaced(line, widths)}\n" for line in lines)
    more = "  (there are more rows)\n" if table.truncated else ""
    return f"{table.job.wwwroot}\n{text}{more}\n"


def _spaced(line: list[str], widths: list[int]) -> str:
    cells = zip(line, widths, strict=False)
    return "  ".join(cell.ljust(width) for cell, width in cells).rstrip()
