import shlex
from argparse import ArgumentParser
from typing import Any

from commands.base import REFUSED
from commands.cli import actor, refuse
from commands.models import SavedCommand
from commands.shell.options import add_selection, selection
from commands.shell.strict import StrictCommand
from tenants.selection import SelectionError


class Command(StrictCommand):
    help = """Keep a command, its parameters and a selection of tenants under a name.

    The selection is looked up anew at each 'manage.py run_saved NAME'."""
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="Letters, digits, spaces, '.', '_' and '-'.")
        parser.add_argument("-c", "--command", required=True, metavar="NAME")
        parser.add_argument("-a", "--attributes", default="", metavar="QUERYSTRING")
        parser.add_argument("--note", default="", help="What it is for.")
        parser.add_argument(
            "--replace", action="store_true", help="Replace one of this name."
        )
        add_selection(parser)

    def handle(self, *, name: str, **options: Any) -> None:
        former = SavedCommand.objects.filter(name=name).first()
        try:
            if former and not options["replace"]:
                raise SelectionError(
                    f"There is a saved command {name!r} already: give --replace"
                )
            selection(options).resolve()
            saved = former or SavedCommand(name=name)
            saved.command, saved.note = options["command"], options["note"]
            saved.attributes = options["attributes"]
            saved.selection = _typed(options)
            saved.saved_by = actor()
            saved.full_clean()
        except REFUSED as error:
            raise refuse(error) from error
        saved.save()
        self.stdout.write(f"Saved: manage.py run_saved {shlex.quote(name)}")


def _typed(options: dict[str, Any]) -> str:
    """Return the options that choose tenants, as they were typed."""
    words = [f"--{name}={text}" for name, text in options["selectors"] or []]
    return shlex.join([*words, *(["--with-master"] if options["with_master"] else [])])
