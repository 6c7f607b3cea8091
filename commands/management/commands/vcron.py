import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings

from commands.base import REFUSED
from commands.cli import actor, check_workers, refuse
from commands.models import Run
from commands.shell.options import jobs_at_once
from commands.shell.strict import StrictCommand
from commands.upkeep.fleetcron import Unasked, at_work, due, forget_old_runs
from tenants.models import Tenant


class Command(StrictCommand):
    help = """Run the crons of the tenants that have something due, by the workers.

    To be started every minute. Returns at once; a tenant whose cron still waits or
    runs is left out. Tenants with nothing to do have their turn every 15 minutes."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "-j",
            "--jobs",
            type=int,
            metavar="N",
            help="Crons at once (default: half of VMOODLE_WORKERS).",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="Only print which, and why."
        )

    def handle(self, *, jobs: int | None, dry_run: bool, **options: Any) -> None:
        tenants = list(Tenant.objects.enabled().with_edges().order_by("pk"))
        wanted, barred = due(tenants)
        busy = at_work(tenants)
        chosen = [t for t in tenants if t.pk in wanted and t.pk not in busy]
        for tenant in tenants if dry_run else []:
            told = wanted.get(tenant.pk) or barred.get(tenant.pk) or "nothing is due"
            state = "due" if tenant in chosen else "busy" if tenant.pk in busy else "-"
            self.stdout.write(f"{state:5} {tenant.wwwroot}: {told}")
        if not dry_run:
            self.start(chosen, jobs)
        unknown = [why for why in barred.values() if isinstance(why, Unasked)]
        for why in dict.fromkeys(unknown):
            self.stderr.write(f"Not asked for: {unknown.count(why)} crons: {why}")
        if tenants and len(unknown) == len(tenants):
            sys.exit(1)  # as a unit of systemd it has failed

    def start(self, tenants: list[Tenant], jobs: int | None) -> None:
        try:
            check_workers(detach=False)
            parallel = jobs_at_once(jobs) or max(1, settings.VMOODLE_WORKERS // 2)
            forget_old_runs()
            if not tenants:
                self.stdout.write("Nothing is due")
                return
            run = Run.objects.create(
                command="system/Cron",
                targets=[tenant.pk for tenant in tenants],
                actor=actor(),
                origin=Run.FLEET_CRON,
                parallel=parallel,
            )
            run.start()
        except REFUSED as error:
            raise refuse(error) from error
        self.stdout.write(f"Run {run.pk}: {len(tenants)} crons")
