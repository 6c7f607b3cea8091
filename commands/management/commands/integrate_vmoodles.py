from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError

from commands.cli import refuse
from commands.shell.strict import StrictCommand
from commands.shell.takeover import EXPECTED, add_takeover, carry_out, taken_over
from tenants import legacy, nodelist
from tenants.legacy import Site
from tenants.nodelist import Node
from tenants.selection import SelectionError


class Command(StrictCommand):
    help = """Enter Moodle sites that exist already in the registry.

    From a CSV file, or from a directory of config.php files, which are read and never
    run: what they compute is told and not guessed. Databases and data stay as they
    are. Exit status 1: some were refused, the others are entered."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        source = parser.add_mutually_exclusive_group(required=True)
        source.add_argument("-n", "--nodefile", metavar="FILE", help="A CSV file.")
        source.add_argument(
            *("-c", "--configdir"),
            metavar="DIR",
            help="A directory of config.php files, such as config-moodle-NAME.php.",
        )
        parser.add_argument(
            *("-s", "--simulate", "--dry-run"),
            dest="simulate",
            action="store_true",
            help="Check everything, write nothing.",
        )
        add_takeover(parser)

    def handle(self, *, simulate: bool, **options: Any) -> None:
        try:
            found = taken_over(sites(options), options)
        except EXPECTED as error:
            raise refuse(error) from error
        carry_out(self, found, write=not simulate)


def _take_services(site: Site, node: Node) -> None:
    try:
        if services := nodelist.services_of(node):
            site.fields["metadata"] = {"services": services}
    except ValidationError as error:
        site.problems += error.messages


def sites(options: dict[str, Any]) -> list[Site]:
    if options["configdir"]:
        found = legacy.read_configs(Path(options["configdir"]))
        if not found:
            raise SelectionError(f"{options['configdir']} holds no file NAME.php")
        return found
    nodes = nodelist.read(options["nodefile"], required=(nodelist.HOST,)).nodes
    found = []
    for node in nodes:
        site = legacy.from_row(f"line {node.line}", dict(node.values))
        if node.error:
            site.problems = [node.error]
        else:
            _take_services(site, node)
        found.append(site)
    return found
