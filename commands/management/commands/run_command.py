import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode

from commands import base
from commands.base import REFUSED
from commands.cli import BulkCommand, refuse
from commands.compare import Comparison
from commands.matrix import as_csv, as_json, as_text
from commands.models import Run
from commands.shell.options import add_running, add_selection
from commands.shell.plan import show_targets
from commands.shell.secrets import secrets_given
from commands.source import SourceCommand
from tenants.models import Tenant
from tenants.selection import SelectionError, tenant_at

SHOW_TARGETS = "showtargets"


class Command(BulkCommand):
    help = """Run any command class on many tenants.

    The source of a command that copies is the main tenant, or that of --fromhost;
    it is never its own target. 'manage.py commands' lists the command classes."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        group = parser.add_argument_group("what to run")
        group.add_argument(
            "-c",
            "--command",
            metavar="NAME",
            help="Such as generic/SetConfig, whatever its case and underscores; "
            f"{SHOW_TARGETS}: print the tenants and stop.",
        )
        group.add_argument(
            "-a",
            "--attributes",
            metavar="QUERYSTRING",
            help="Its parameters: name=value&name=value, percent-encoded; @FILE: the "
            "content of a file, @-: of standard input.",
        )
        group.add_argument(
            "-f",
            "--fromhost",
            metavar="URL",
            help="wwwroot of the tenant to copy from.",
        )
        group.add_argument(
            "-T",
            "--test",
            action="store_true",
            help="Check the parameters, print the tenants and stop.",
        )
        _add_comparing(parser)
        add_selection(parser)
        add_running(parser, fullstop=["-s"])  # PHP: -f is --fromhost here

    def handle(self, **options: Any) -> None:
        self.querystring = ""
        only_targets = (options["command"] or "").casefold() == SHOW_TARGETS
        try:
            if (only_targets or options["test"]) and options["retry"] is not None:
                raise SelectionError("The tenants of a --retry are shown by --dry-run")
            if not only_targets:
                self.runs = self.chosen(options)
                self.querystring = self.read(options)
            if only_targets or options["test"]:
                self.show(options, tested=not only_targets)
                return
            if issubclass(self.runs, Comparison) and options["retry"] is None:
                self.compare(options)
                return
        except REFUSED as error:
            raise refuse(error) from error
        super().handle(**options)

    def chosen(self, options: dict[str, Any]) -> type[base.Command]:
        """Return the command class that is named, or that of the run to retry."""
        number, name = options["retry"], options["command"]
        former = Run.objects.filter(pk=number).first() if number is not None else None
        if number is not None and former is None:
            raise SelectionError(f"There is no run {number} to retry")
        if not name and former is None:
            raise SelectionError(
                "No command is named: give --command=NAME ('manage.py commands' lists "
                "them)"
            )
        return base.find(name or (former.command if former else ""))

    def read(self, options: dict[str, Any]) -> str:
        """Return all parameters that are given, of whatever origin."""
        text = _content(options["attributes"] or "")
        self.runs.from_attributes(text)  # raises ValidationError
        given = parse_qs(text)
        more = secrets_given(
            self.runs,
            {f"field_{name}": name in given for name in self.runs.secret_names()}
            | {f"secret_{name}": None for name in self.runs.secret_names()},
        )
        if options["fromhost"] and issubclass(self.runs, SourceCommand):
            if "source" in given:
                raise SelectionError(
                    "The source is given twice: by --fromhost and in --attributes"
                )
            more["source"] = options["fromhost"]
        return "&".join(filter(None, (text, urlencode(more))))

    def attributes(self, options: dict[str, Any]) -> str:
        return self.querystring

    def targets(self, options: dict[str, Any]) -> list[Tenant]:
        """Return the chosen tenants without the source."""
        chosen, source = super().targets(options), self.source(options)
        rest = [tenant for tenant in chosen if tenant != source]
        if not rest:
            raise SelectionError(
                "No tenant is selected but the source: nothing was done"
            )
        if len(rest) < len(chosen):
            self.stderr.write(f"{source} is the source: it is left out")
        return rest

    def source(self, options: dict[str, Any]) -> Tenant | None:
        if options["fromhost"]:
            return tenant_at(options["fromhost"])
        if not issubclass(self.runs, SourceCommand):
            return None
        source: Tenant = self.checked(self.querystring).form().cleaned_data["source"]
        return source

    def show(self, options: dict[str, Any], *, tested: bool) -> None:
        run = self.checked(self.querystring) if tested else None
        show_targets(self.targets(options), self, run, as_json=options["json"])

    def compare(self, options: dict[str, Any]) -> None:
        """Print the sites beside the reference; it takes no run and no worker."""
        form = Run(command=self.runs.name(), attributes=self.querystring).form()
        assert isinstance(form, Comparison)
        everything = options["all_rows"]
        matrix = form.matrix(self.targets(options), everything=everything)
        if options["json"]:
            self.stdout.write(as_json(matrix))
        elif options["csv"]:
            self.stdout.write(as_csv(matrix), ending="")
        else:
            for line in as_text(matrix):
                self.stdout.write(line)

    def retried(self, options: dict[str, Any]) -> Run:
        if options["fromhost"]:
            raise SelectionError("--retry takes the source of the former run as well")
        return super().retried(options)

    def words(self, attributes: str) -> list[str]:
        words = [f"--command={self.runs.name()}"]
        return [*words, f"--attributes={attributes}"] if attributes else words


def _add_comparing(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("what a comparison prints (or --json)")
    group.add_argument("--csv", action="store_true", help="The table as CSV.")
    group.add_argument(
        "--all-rows", action="store_true", help="Also rows in which nothing differs."
    )


def _content(text: str) -> str:
    """Return the text itself, or for @FILE what the file holds."""
    if not text.startswith("@"):
        return text
    try:
        raw = sys.stdin.buffer.read() if text == "@-" else Path(text[1:]).read_bytes()
        return raw.decode().strip()
    except OSError as error:
        reason = error.strerror
    except UnicodeDecodeError:
        reason = "it is no UTF-8 text"
    raise SelectionError(f"--attributes {text} cannot be read: {reason}")
