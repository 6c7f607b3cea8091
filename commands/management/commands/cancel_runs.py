from typing import Any

from django.core.management.base import BaseCommand, CommandError

from commands import queue
from commands.models import Cluster, Job, Run
from commands.shell.plan import number_of
from tenants.models import Journal, Tenant

WHY = "the registry went back to a copy, and what became of it since is not known"


class Command(BaseCommand):
    help = """End all runs without doing or undoing anything.

    After the registry went back to a copy, before the workers start: what was queued
    or under way when the copy was made has been done since. Tenants that were being
    made, moved, renamed or restored then need attention."""

    def handle(self, **options: Any) -> None:
        if Cluster.alive(queue.JOBS) or Cluster.alive(queue.CONTROL):
            raise CommandError("Workers run: stop them first, then give this again")
        jobs = 0
        for run in Run.objects.filter(state=Run.State.RUNNING):
            jobs += run.total - run.done
            run.stop(WHY)
            for job in run.jobs.filter(state=Job.State.RUNNING).with_edges():
                job.finish(Job.State.FAILED, WHY)
        self.stdout.write(f"{number_of(jobs, 'job')} ended")
        for journal in Journal.objects.select_related("tenant"):
            told = f"its {journal.work} was under way: {WHY}: look at it"
            Tenant.objects.filter(pk=journal.tenant_id).update(attention=told)
            self.stdout.write(f"{journal.tenant}: {told}")
            journal.delete()
