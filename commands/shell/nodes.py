"""Many tenants of one list: to be made, each line checked, or to be worked on."""

import csv
import os
import sys
from argparse import Action, ArgumentParser, Namespace
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand

from commands.base import CommandFailed
from commands.cli import BulkCommand
from commands.models import Job, Run
from commands.shell.options import selection
from commands.validation import sentences
from tenants import nodelist
from tenants.forms import NewTenantForm, next_network
from tenants.lifecycle import provision
from tenants.lifecycle.steps import LifecycleError
from tenants.models import Tenant
from tenants.nodelist import Node, NodeList
from tenants.selection import Selection
from tenants.wwwroot import clean_wwwroot

COLUMNS = {
    ours: theirs for theirs, ours in {**nodelist.FIELDS, **nodelist.FLAGS}.items()
} | {"server": "vdbhost"}


@dataclass
class Batch:
    """The lines of a list, each checked in its turn, also against those before it."""

    ready: list[tuple[Node, NewTenantForm]] = field(default_factory=list)
    present: list[Node] = field(default_factory=list)
    failed: list[Node] = field(default_factory=list)
    proved: set[int] = field(default_factory=set)  # templates
    taken: dict[tuple[str, ...], int] = field(default_factory=dict)  # lines

    @classmethod
    def of(cls, nodes: Iterable[Node]) -> "Batch":
        batch = cls()
        for node in nodes:
            try:
                batch.add(node)
            except ValidationError as error:
                batch.fail(node, " ".join(error.messages))
        return batch

    def fail(self, node: Node, why: str) -> None:
        node.error = why
        self.failed.append(node)

    def add(self, node: Node) -> None:
        if node.error:
            raise ValidationError(node.error)
        if is_there(node):
            self.present.append(node)
            return
        network = max(
            [next_network(), *(f.instance.network + 1 for _, f in self.ready)]
        )
        form = NewTenantForm(
            nodelist.form_data(node, network),
            config=nodelist.config_of(node),
            proved=self.proved,
        )
        form.force_option = COLUMNS["force_dns"]
        services = nodelist.services_of(node)
        if not form.is_valid():
            raise ValidationError(sentences(form, lambda name: COLUMNS.get(name, name)))
        if services:
            form.instance.metadata["services"] = services
        self._take(node, form)
        self.ready.append((node, form))

    def _take(self, node: Node, form: NewTenantForm) -> None:
        """Refuse what a line before it will have."""
        tenant: Tenant = form.instance
        server = tenant.server.name
        wanted = {
            ("address", tenant.key): tenant.wwwroot,
            ("short name", tenant.shortname.lower()): tenant.shortname,
            ("database", server, tenant.db_name.lower()): tenant.db_name,
            ("data path", tenant.data_path): tenant.data_path,
        }
        if form.plan().make_account:
            wanted["account", server, tenant.db_user] = tenant.db_user
        for key, text in wanted.items():
            if line := self.taken.get(key):
                raise ValidationError(f"its {key[0]} {text} is that of line {line}")
        for other in (form.instance for _, form in self.ready):
            if nested(tenant.data_path, other.data_path):
                raise ValidationError(
                    f"its data path {tenant.data_path} overlaps {other.data_path}, "
                    f"that of {other.wwwroot}"
                )
        self.taken |= dict.fromkeys(wanted, node.line)

    def reserve(self) -> list[Tenant]:
        """Put the tenants that are ready into the registry; return them."""
        made = []
        for node, form in self.ready:
            try:
                made.append(provision.reserve(form.save(commit=False), form.plan()))
            except LifecycleError as error:
                self.fail(node, str(error))
            else:
                form.save_m2m()
        return made


def is_there(node: Node) -> bool:
    """Whether a line's tenant has been made; raise ValidationError if only half so."""
    root = clean_wwwroot(node.host)
    tenant = Tenant.objects.filter(wwwroot=root).first()
    if tenant is None:
        return False
    if provision.unfinished(tenant):
        job = Job.objects.filter(tenant=tenant, state__in=Job.OPEN).first()
        hint = f"job {job and job.pk} makes it: wait for its end"
        cut = "its creation was cut off: run manage.py doctor --fix"
        raise ValidationError(hint if job else cut)
    if tenant.deleted_at:
        raise ValidationError(
            f"{root} is deleted: bring it back by lifecycle/Enable, or end it by "
            "destroynode --now"
        )
    return True


def nested(one: str, other: str) -> bool:
    """Whether one of two different directories lies in the other."""
    return one.startswith(f"{other}/") or other.startswith(f"{one}/")


def check_report(path: str | None, source: str) -> None:
    """Refuse a report that cannot be written, before anything is made."""
    if not path:
        return
    target = Path(path)
    if target.exists() and source != "-" and target.samefile(source):
        raise CommandFailed(f"--report {path} would overwrite the list itself")
    if target.is_dir() or not os.access(target.parent, os.W_OK):
        raise CommandFailed(f"--report {path}: no file can be written there")


def write_report(path: str, nodes: NodeList, failed: Iterable[Node]) -> None:
    """Write the lines that failed as a list of its own, with why; for its owner only.

    It can be corrected and given again: the column `error` is not read.
    """
    keep = [n for n, name in enumerate(nodes.columns) if name != nodelist.ERROR]
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.fchmod(descriptor, 0o600)  # it may have been there
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=nodes.separator, lineterminator="\n")
        writer.writerow([*(nodes.columns[n] for n in keep), nodelist.ERROR])
        for node in sorted(failed, key=lambda node: node.line):
            cells = [node.cells[n] for n in keep if n < len(node.cells)]
            writer.writerow([*cells, *[""] * (len(keep) - len(cells)), node.error])


class OptionsOfFile(Action):
    """Takes further options from a file, one `NAME=VALUE` a line, `#` for comments."""

    def __call__(
        self, parser: ArgumentParser, namespace: Namespace, values: Any, *args: Any
    ) -> None:
        try:
            lines = Path(values).read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "it is no UTF-8 text"
            parser.error(f"--config {values} cannot be read: {why}")
        words = []
        for line in lines:
            name, equals, value = (part.strip() for part in line.partition("="))
            if not name or name.startswith("#"):
                continue
            if name == "config":  # its own name would have no end
                parser.error(f"--config {values}: it may name no further file")
            if value.lower() in {"0", "no", "false", "off"}:
                continue  # a switch that is left off
            switch = not equals or value.lower() in {"1", "yes", "true", "on"}
            switch = switch and name not in {"jobs", "nodes", "report"}
            words.append(f"--{name}" if switch else f"--{name}={value}")
        parser.set_defaults(**vars(namespace))  # what the file may give again
        parser.parse_args(words, namespace)
        parser.set_defaults(**vars(namespace))  # what a later option may


def add_list_options(parser: ArgumentParser, text: str) -> None:
    """Add the options that the PHP system's scripts have for their lists."""
    parser.add_argument("-n", "--nodes", metavar="FILE", help=text)
    parser.add_argument(
        "-i", "--interactive", action="store_true", help="Ask about each tenant."
    )
    parser.add_argument(
        *("-c", "--config"),
        action=OptionsOfFile,
        metavar="FILE",
        help="Take options from a file, as lines of NAME=VALUE; later ones win.",
    )


class NodesCommand(BulkCommand):
    """A bulk command that takes a list as well, as its script of the PHP system."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        add_list_options(
            parser,
            "Those of a CSV file with a column vhostname; -: standard input. What is "
            "not in the registry is told and left out.",
        )

    def targets(self, options: dict[str, Any]) -> list[Tenant]:
        chosen = selection(options)
        if options["nodes"]:
            first = ("tohosts", self.listed(options["nodes"]))
            chosen = Selection([first, *chosen.steps], chosen.with_master)
        tenants = chosen.resolve()
        if options["interactive"]:
            check_terminal(options["nodes"])
            question = f"{self.runs.title()} {{}}?"
            tenants = [one for one in tenants if ask(self, question.format(one))]
            if not tenants:
                raise CommandFailed("No tenant is left: nothing was done")
        return tenants

    def retried(self, options: dict[str, Any]) -> Run:
        if options["nodes"]:
            raise CommandFailed(
                "--retry takes the tenants of the former run: no --nodes"
            )
        return super().retried(options)

    def listed(self, path: str) -> list[str]:
        """Return the wwwroots of a list that the registry has."""
        known = set(Tenant.objects.values_list("wwwroot", flat=True))
        found = []
        for node in nodelist.read(path, [nodelist.HOST]).nodes:
            try:
                root = clean_wwwroot(node.host)
                why = node.error or ("" if root in known else "no such tenant")
            except ValidationError as error:
                why = node.error or " ".join(error.messages)
            if why:
                self.stderr.write(f"line {node.line}: {node.host}: {why}: left out")
            else:
                found.append(root)
        if not found:
            raise CommandFailed(f"{path} names no tenant of the registry")
        return found


def check_terminal(nodes: str | None) -> None:
    if nodes == "-" or not sys.stdin.isatty():
        raise CommandFailed("--interactive needs a terminal to ask on")


def ask(command: BaseCommand, question: str) -> bool:
    """Ask about one tenant; q ends all, before anything is done."""
    answer = ""
    while answer not in {"y", "n", "q"}:
        command.stderr.write(f"{question} y(es), n(o), q(uit): ", ending="")
        command.stderr.flush()
        answer = (sys.stdin.readline() or "q").strip().lower()[:1]
    if answer == "q":
        raise CommandFailed("Nothing was done")
    return answer == "y"
