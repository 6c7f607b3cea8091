import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any, NamedTuple

from commands.base import REFUSED
from commands.cli import refuse
from commands.results import TENANT, csv_lines, plain
from commands.shell.options import add_selection, selection
from commands.shell.strict import StrictCommand
from tenants import confidential, moodledb
from tenants.models import Tenant


class Found(NamedTuple):
    """A setting of one tenant: None if it is not set; or why it cannot be read."""

    wwwroot: str
    value: str | None
    error: str = ""


class Command(StrictCommand):
    help = """Print one setting of many tenants, as their databases have it.

    Read by SQL, many tenants in one statement; no PHP, no run. What a forced setting
    puts over it is not seen. Settings whose name is secret are not shown."""
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--name", required=True, help="Of the setting.")
        parser.add_argument(
            "--plugin", default="", help="Its plugin, such as mod_quiz; else the core."
        )
        forms = parser.add_mutually_exclusive_group()
        forms.add_argument("--csv", action="store_true", help="As CSV.")
        forms.add_argument("--json", action="store_true", help="As JSON.")
        add_selection(parser)

    def handle(self, *, name: str, plugin: str, **options: Any) -> None:
        try:
            tenants = selection(options).resolve()
        except REFUSED as error:
            raise refuse(error) from error
        found = list(read(tenants, name, plugin))
        if options["json"]:
            self.stdout.write(json.dumps([each._asdict() for each in found]))
        elif options["csv"]:
            rows: list[list[Any]] = [[each.wwwroot, each.value] for each in found]
            self.stdout.write("".join(csv_lines([TENANT, "value"], rows)), ending="")
        else:
            for each in (each for each in found if not each.error):
                shown = "(not set)" if each.value is None else plain(each.value)
                self.stdout.write(f"{each.wwwroot}\t{shown}")
        if bad := [each for each in found if each.error]:
            for each in bad:
                self.stderr.write(f"{each.wwwroot}: {each.error}")
            sys.exit(1)


def read(tenants: list[Tenant], name: str, plugin: str) -> Iterator[Found]:
    """Yield the setting of each tenant."""
    rows = moodledb.config(tenants, [name], plugin)
    for tenant in tenants:
        config = rows[tenant.pk]
        if isinstance(config, moodledb.MoodleDbError):
            yield Found(tenant.wwwroot, None, str(config))
            continue
        # The database does not tell names apart by their case, or by accents.
        values = [confidential.shown(key, value) for key, value in config.items()]
        yield Found(tenant.wwwroot, next(iter(values), None))
