"""Follow a run in a shell: a bar on a terminal, a line for each job that ended."""

import json
import sys
import time
from typing import Any

from django.core.management.base import BaseCommand
from django.db import close_old_connections
from django.db.models import Count, Max, Min
from django.utils import timezone
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
)

from commands.models import Job, Run
from commands.patience import DOWN, patiently
from commands.progress import busy_with, duration, seconds_left, seconds_taken
from commands.shell.interrupts import goes_on
from commands.validation import kept

INTERVAL = 0.2  # seconds
ESTIMATE = 1.0  # seconds between two estimates, each of which reads all open jobs


def follow(run: Run, command: BaseCommand, *, as_json: bool, verbose: bool) -> None:
    """Show a run until it ends; exit 1 unless all went well. ^C leaves it running."""
    told: set[int] = set()
    try:
        if not as_json:
            patiently(lambda: _tell_held(run, command))
        with _bar() as bar:
            task = bar.add_task(str(run), total=run.total, left="")
            over, due = False, 0.0
            waits: set[Run] = set()
            while not over:
                try:
                    run.refresh_from_db()
                    bar.update(task, completed=run.done)
                    if time.monotonic() >= due:
                        if not bar.disable:
                            bar.update(task, left=_left(run))
                        if not as_json:
                            _tell_busy(run, waits, command)
                        due = time.monotonic() + ESTIMATE
                    if not as_json:
                        _tell(run, told, command, verbose=verbose)
                    over = run.state == Run.State.FINISHED
                except DOWN:
                    # The run goes on meanwhile: look again when it is back.
                    close_old_connections()
                time.sleep(0 if over else INTERVAL)
    except KeyboardInterrupt:
        raise goes_on(run) from None
    _sum_up(run, command, as_json=as_json)
    if run.failed or run.stopped or run.counts()[Job.State.CANCELLED]:
        sys.exit(1)


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[left]}"),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
    )


@kept()  # what a shell prints is English
def _left(run: Run) -> str:
    left = seconds_left(run)
    return "" if left is None else f"about {duration(left)} left"


def _tell_held(run: Run, command: BaseCommand) -> None:
    held = run.jobs.filter(state=Job.State.QUEUED, not_before__gt=timezone.now())
    times = held.aggregate(n=Count("pk"), a=Min("not_before"), z=Max("not_before"))
    if times["n"]:
        first, last = (f"{timezone.localtime(times[at]):%F %T}" for at in "az")
        who = "1 job waits" if times["n"] == 1 else f"{times['n']} jobs wait"
        command.stdout.write(f"{who} until {first} to {last}")


def _tell_busy(run: Run, told: set[Run], command: BaseCommand) -> None:
    """Print one line for each other run that jobs of this one wait for."""
    for other in set(busy_with(run).values()) - told:
        command.stdout.write(f"Tenants are busy with run {other}: their jobs wait")
        told.add(other)


def _tell(run: Run, told: set[int], command: BaseCommand, *, verbose: bool) -> None:
    """Print one line for each job that has ended since the last time."""
    ended = run.jobs.exclude(state__in=Job.OPEN)
    fresh = set(ended.values_list("pk", flat=True)) - told
    jobs = Job.objects.defer("result").in_bulk(fresh)
    told |= fresh
    for job in sorted(jobs.values(), key=_order):
        took = f" {job.seconds:.1f} s" if job.seconds else ""
        error = f": {job.error}" if job.error else ""
        command.stdout.write(f"{job.state:9} {job.wwwroot}{took}{error}")
        if verbose:
            command.stdout.write(job.text()[0])


def _order(job: Job) -> tuple[float, int]:
    return (job.finished_at.timestamp() if job.finished_at else 0.0, job.position)


def _sum_up(run: Run, command: BaseCommand, *, as_json: bool) -> None:
    summary = report(run)
    if as_json:
        command.stdout.write(json.dumps(summary))
        return
    counts = ", ".join(f"{n} {s}" for s, n in summary["counts"].items() if n)
    command.stdout.write(f"Run {run.pk} finished: {counts}")
    if run.stopped:
        command.stdout.write(run.stopped)


def report(run: Run) -> dict[str, Any]:
    """Return what the run did, as `--json` prints it."""
    return {
        "run": run.pk,
        "command": run.command,
        "counts": run.counts(),
        "seconds": seconds_taken(run),
        "stopped": run.stopped,
        "tenants": [
            {
                "wwwroot": job.wwwroot,
                "state": job.state,
                "error": job.error,
                "seconds": job.seconds,
                "result": job.result,
            }
            for job in run.jobs.order_by("wwwroot")
        ],
    }
