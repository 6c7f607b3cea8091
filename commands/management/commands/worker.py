import logging
import os
import sys
from argparse import ArgumentParser
from contextlib import suppress
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, close_old_connections
from django.utils import timezone

from commands import host, notify, queue, tasks
from commands.models import Cluster
from commands.models.job import first_seen
from commands.upkeep import tidy, watch

log = logging.getLogger(__name__)


class Command(BaseCommand):
    help = """Run the workers of one queue until stopped.

    `jobs` runs the tenants' jobs, `control` mails. Stop with SIGTERM to this
    process only: jobs that run are finished first."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("queue", choices=["control", "jobs"])

    def handle(self, *, queue: str, **options: Any) -> None:
        run_worker(queue)


def run_worker(name: str) -> None:
    """Run the cluster of a queue; start over in this process with its name set."""
    wanted = queue.NAMES[name]
    if os.environ.get("Q_CLUSTER_NAME") != wanted:
        # Django-q2 reads it once, when it is imported.
        os.environ["Q_CLUSTER_NAME"] = wanted
        os.execv(sys.executable, [sys.executable, *sys.argv])  # noqa: S606
    tasks.reap()
    if not queue.run(lambda: show_life(wanted)):
        raise CommandError(f"The {name} cluster died and must be started again")
    with suppress(DatabaseError):  # else its heartbeat will be old soon
        Cluster.objects.filter(worker=host.this_process()).delete()


def show_life(name: str) -> None:
    """Note that the cluster lives, and end the jobs of workers that do not."""
    try:
        Cluster.objects.update_or_create(
            worker=host.this_process(),
            defaults={"queue": name, "heartbeat_at": timezone.now()},
        )
        tasks.reap()
        if name == queue.CONTROL:
            notify.enqueue_waiting()
            watch.enqueue_look()
            tidy.enqueue_tidying()
    except DatabaseError as error:
        # The jobs go on and keep their output until the registry is back.
        log.warning("The registry does not answer, trying again: %s", error)
        close_old_connections()
        first_seen.cache_clear()  # a job that nobody could hear was not silent
