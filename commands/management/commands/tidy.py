from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from commands.cli import actor
from commands.shell.plan import number_of
from commands.upkeep import tidy
from tenants.backup import snapshots


class Command(BaseCommand):
    help = """Delete snapshots and runs past their time, end tenants deleted long ago.

    The workers of the queue `control` do so once a day. Never deleted are templates, a
    tenant's newest snapshot, the newest that has passed a restore test, a command's
    three newest runs, and a run with a tenant's last job."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--dry-run", action="store_true", help="Only print what would go."
        )

    def handle(self, *, dry_run: bool, **options: Any) -> None:
        for line in tidy.plan():
            self.stdout.write(line)
        if dry_run:
            return
        gone = snapshots.expire()
        tidy.forget(runs := tidy.runs_to_forget())
        run = tidy.end(tidy.tenants_to_end(), actor())
        told = f"; run {run.pk} ends {number_of(run.total)}" if run else ""
        deleted = f"{number_of(gone, 'snapshot')} and {number_of(len(runs), 'run')}"
        self.stdout.write(f"{deleted} deleted{told}")
