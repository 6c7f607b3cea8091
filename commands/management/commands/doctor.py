from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from commands import tasks
from commands.lifecycle.create import Create
from commands.models import Job
from tenants.errors import VMoodleError
from tenants.lifecycle import doctor


class Command(BaseCommand):
    help = """Find what crashes have left behind, and clear it away with --fix.

    Half-made tenants and half-done restores; databases, data directories and
    snapshots that belong to nothing. Exit status 1: something was found, or could not
    be mended."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--fix", action="store_true", help="Mend what is found.")

    def handle(self, *, fix: bool, **options: Any) -> None:
        if buried := tasks.reap():
            self.stdout.write(f"Jobs of dead workers that were ended: {buried}")
        try:
            findings = list(doctor.examine(awaited()))
        except VMoodleError as error:
            raise CommandError(str(error)) from error
        bad = 0
        for finding in findings:
            if not finding.mend:
                self.stdout.write(f"Left alone: {finding.sentence}")
                continue
            failure = doctor.mend(finding) if fix else ""
            bad += bool(failure) or not fix
            end = f": {failure}" if failure else ""
            word = "Mended" if fix and not failure else "Found"
            self.stdout.write(f"{word}: {finding.sentence}{end}")
        if bad:
            hint = "" if fix else "; manage.py doctor --fix clears them away"
            raise CommandError(f"Left behind: {bad}{hint}")
        self.stdout.write("Nothing is left behind")


def awaited() -> set[int]:
    """Return the keys of the tenants whose creation waits for a worker."""
    queued = Job.objects.filter(state=Job.State.QUEUED, run__command=Create.name())
    return set(queued.exclude(tenant=None).values_list("tenant_id", flat=True))
