"""The base of our management commands: an option that has one value is given one."""

from argparse import ArgumentParser, Namespace, _StoreAction
from typing import Any

from django.core.management.base import BaseCommand, CommandParser


class OneValue(_StoreAction):
    """Takes one value: a second would win unseen, an empty one would be left out."""

    def __call__(
        self,
        parser: ArgumentParser,
        namespace: Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        if getattr(namespace, self.dest) is not self.default:
            parser.error(f"{option_string} is given twice: it has one value")
        if values == "":  # as of a variable that is not set
            parser.error(f"{option_string} is empty: leave it out, or give it a value")
        super().__call__(parser, namespace, values, option_string)


class StrictCommand(BaseCommand):
    """A management command whose options of one value are given just one."""

    def create_parser(
        self, prog_name: str, subcommand: str, **kwargs: Any
    ) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        for action in parser._actions:
            if type(action) is _StoreAction and action.option_strings:
                action.__class__ = OneValue
        return parser
