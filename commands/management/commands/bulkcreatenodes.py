from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from commands.base import REFUSED, CommandFailed
from commands.cli import Base, begin, check_workers, refuse
from commands.lifecycle.create import Create
from commands.models import Job, Run
from commands.shell.follow import follow
from commands.shell.nodes import (
    Batch,
    add_list_options,
    ask,
    check_report,
    check_terminal,
    write_report,
)
from commands.shell.options import jobs_at_once
from tenants import nodelist
from tenants.forms import NewTenantForm
from tenants.nodelist import Node, NodeList


class Command(Base):
    runs = Create
    help = """Make the tenants that a CSV file lists.

    Every line is checked before anything is made. Lines that are wrong are told, the
    others are made; what is there already is left alone, so the same file, once it is
    corrected, can be given again."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_list_options(parser, "The list; -: standard input.")
        for flags, text in (
            (("-l", "--lint"), "Check everything, make nothing."),
            (("--strict",), "Make nothing unless every line is right."),
            (("-v", "--verbose"), "Print all output."),
        ):
            parser.add_argument(*flags, action="store_true", help=text)
        parser.add_argument(
            "--report", metavar="FILE", help="Write the lines that failed, with why."
        )
        parser.add_argument("-j", "--jobs", type=int, metavar="N", help="Jobs at once.")

    def handle(self, *, nodes: str | None, **options: Any) -> None:
        try:
            if not nodes:
                raise CommandFailed("Give the list of tenants: --nodes=FILE")
            self.check_options(nodes, options)
            found = nodelist.read(nodes)
            batch = Batch.of(found.nodes)
            self.tell(batch, options)
            if options["interactive"]:
                batch.ready = [one for one in batch.ready if self.wants(*one)]
            held_back = options["lint"] or (options["strict"] and batch.failed)
            run = None if held_back else self.begun(batch, options["jobs"])
        except REFUSED as error:
            raise refuse(error) from error
        try:
            if run:
                follow(run, self, as_json=False, verbose=options["verbose"])
        except SystemExit:
            pass  # some failed, as is told below
        finally:
            made = take_failures(run, batch) if run else 0
            self.warn(run)
            self.end(found, batch, options["report"], made)

    def check_options(self, nodes: str, options: dict[str, Any]) -> None:
        check_report(options["report"], nodes)
        if options["interactive"]:
            check_terminal(nodes)
        jobs_at_once(options["jobs"])
        if not options["lint"]:
            check_workers(detach=False)

    def tell(self, batch: Batch, options: dict[str, Any]) -> None:
        """Print what is there, what is wrong and, if asked, what would be made."""
        for node in batch.present:
            self.stdout.write(f"line {node.line}: {node.host} is there")
        for node, form in batch.ready if options["lint"] else []:
            self.stdout.write(f"line {node.line}: {plan(form)}")
        for node in batch.failed:
            self.stderr.write(f"line {node.line}: {node.host}: {node.error}")

    def wants(self, node: Node, form: NewTenantForm) -> bool:
        return ask(self, f"line {node.line}: {plan(form)}\nMake it?")

    def begun(self, batch: Batch, jobs: int | None) -> Run | None:
        """Enter the tenants in the registry, and start the run that makes them."""
        tenants = batch.reserve()
        if not tenants:
            return None
        try:
            run = self.draft(tenants, "", parallel=jobs_at_once(jobs))
            begin(run)
        except (*REFUSED, KeyboardInterrupt):
            for tenant in tenants:
                tenant.delete()
            raise
        return run

    def warn(self, run: Run | None) -> None:
        for job in run.jobs.filter(state=Job.State.SUCCEEDED) if run else ():
            if warning := (job.result or {}).get("warning"):
                self.stderr.write(f"Warning: {job.wwwroot}: {warning}")

    def end(self, found: NodeList, batch: Batch, report: str | None, made: int) -> None:
        counts = f"{made} made, {len(batch.present)} there, {len(batch.failed)} failed"
        self.stdout.write(counts)
        if not batch.failed:
            return
        hint = "--report=FILE keeps the failed lines"
        if report:
            write_report(report, found, batch.failed)
            hint = f"correct {report} and give it as --nodes"
        lines = ", ".join(str(node.line) for node in batch.failed)
        raise CommandError(f"Failed lines: {lines}; {hint}")


def plan(form: NewTenantForm) -> str:
    """Return in a line what would be made."""
    tenant, given = form.instance, form.cleaned_data
    source = given["template"] or given["source"] or given["release"]
    settings = [f"{plugin}|{n}" for plugin, names in form.config.items() for n in names]
    return (
        f"{tenant.wwwroot} ({given['origin']} {source}): database {tenant.db_name} on "
        f"{tenant.server}, account {tenant.db_user}, data {tenant.data_path}"
        + (f", settings {' '.join(settings)}" if settings else "")
    )


def take_failures(run: Run, batch: Batch) -> int:
    """Note which lines' jobs have not succeeded; return how many have."""
    nodes = {form.instance.wwwroot: node for node, form in batch.ready}
    rest = run.jobs.exclude(state=Job.State.SUCCEEDED)
    for job in rest:
        state = job.get_state_display().lower()
        batch.fail(nodes[job.wwwroot], job.error or f"its job {job.pk} is {state}")
    return run.total - len(rest)
