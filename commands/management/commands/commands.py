import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from commands import base
from commands.base import UnknownCommand, all_commands, find
from commands.cli import refuse
from commands.shell.describe import describe, text


class Command(BaseCommand):
    help = "List the command classes with their parameters, or explain one of them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "name",
            nargs="?",
            default="",
            help="Such as generic/SetConfig; or a category, such as generic.",
        )
        parser.add_argument("--json", action="store_true", help="The same as JSON.")

    def handle(self, *, name: str, **options: Any) -> None:
        as_json = options["json"]
        listed = [c for c in all_commands() if name.casefold() in {"", c.category()}]
        if as_json and listed:
            self.stdout.write(json.dumps([describe(command) for command in listed]))
        for command in [] if as_json else listed:
            self.show(command)
        if listed:
            return
        try:
            command = find(name)
        except UnknownCommand as error:
            raise refuse(error) from error
        self.stdout.write(json.dumps(describe(command)) if as_json else text(command))

    def show(self, command: type[base.Command]) -> None:
        mark = " (dangerous)" if command.dangerous else ""
        self.stdout.write(f"{command.name()}{mark}: {command.summary()}")
        if fields := command().fields:
            self.stdout.write(f"    {', '.join(fields)}")
