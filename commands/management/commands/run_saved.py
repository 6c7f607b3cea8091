import json
from argparse import ArgumentParser
from typing import Any

from commands.base import REFUSED, find
from commands.cli import BulkCommand, refuse
from commands.models import SavedCommand
from commands.shell.options import add_running, selection_of
from tenants.models import Tenant
from tenants.selection import SelectionError


class Command(BulkCommand):
    help = """Run a saved command on what its selection means now.

    Without a name the saved commands are listed. 'manage.py save_command' keeps one."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", nargs="?", help="Name of the saved command.")
        add_running(parser)
        parser.set_defaults(selectors=None, with_master=False)

    def handle(self, **options: Any) -> None:
        if (name := options["name"]) is None:
            self.list_all(as_json=options["json"])
            return
        try:
            self.saved = _saved(name)
            self.runs = find(self.saved.command)
        except REFUSED as error:
            raise refuse(error) from error
        super().handle(**options)

    def list_all(self, *, as_json: bool) -> None:
        names = ("name", "command", "attributes", "selection", "note")
        rows = list(SavedCommand.objects.values(*names))
        if as_json:
            self.stdout.write(json.dumps(rows))
            return
        for row in rows:
            what = (row["command"], row["attributes"], row["selection"])
            self.stdout.write(f"{row['name']}: {' '.join(filter(None, what))}")

    def targets(self, options: dict[str, Any]) -> list[Tenant]:
        return selection_of(self.saved.selection).resolve()

    def attributes(self, options: dict[str, Any]) -> str:
        return "" if options["retry"] is not None else self.saved.attributes


def _saved(name: str) -> SavedCommand:
    saved = SavedCommand.objects.filter(name=name).first()
    if saved is None:
        raise SelectionError(
            f"There is no saved command {name!r}: 'manage.py run_saved' lists them"
        )
    return saved
