"""How far a run is, as pages and shells tell it: its times, and whom it waits for."""

import heapq

from django.db.models import Avg, Max, Q, Sum
from django.utils import timezone
from django.utils.formats import number_format

from commands.models import Job, Run


def busy_with(run: Run) -> dict[int, Run]:
    """Return, by pk of a queued job, the other run that has its tenant just now."""
    if run.state != Run.State.RUNNING or not run.exclusive:
        return {}
    waiting = run.jobs.filter(state=Job.State.QUEUED, tenant__held_by__isnull=False)
    held = dict(waiting.values_list("pk", "tenant__held_by"))
    holders = Job.objects.select_related("run").in_bulk(held.values())
    return {pk: holders[by].run for pk, by in held.items() if by in holders}


def seconds_taken(run: Run) -> float:
    """Return how long a run has taken so far, or took."""
    end = run.finished_at or timezone.now()
    return round((end - (run.started_at or end)).total_seconds(), 3)


def seconds_of(job: Job) -> float | None:
    """Return how long a job took, or has taken so far; None before it starts."""
    if job.state == Job.State.RUNNING and job.started_at:
        return (timezone.now() - job.started_at).total_seconds()
    return job.seconds


def seconds_left(run: Run) -> float | None:
    """Return an estimate of the seconds to the end.

    None without any past, while all wait for another run, or when what still runs
    takes longer than it ever did.
    """
    if run.state != Run.State.RUNNING:
        return None
    now = timezone.now()
    queued = run.jobs.filter(state=Job.State.QUEUED)
    last = queued.aggregate(at=Max("not_before"))["at"]
    if last and last > now:  # hours, against which the work is little
        return float((last - now).total_seconds())
    running = run.jobs.filter(state=Job.State.RUNNING)
    rows = running.values_list("estimate", "started_at")
    work = [(estimate, (now - (at or now)).total_seconds()) for estimate, at in rows]
    if not work and busy_with(run):
        return None
    usual, pace = _pace(run, work)
    waiting = queued.order_by("position").values_list("estimate", flat=True)
    work += [(estimate, 0.0) for estimate in waiting]
    lanes = [0.0] * max(1, run.parallel)  # till when each is busy: a heap
    for estimate, done in work:
        expected = usual if estimate is None else pace * estimate
        if expected is None:
            return None
        heapq.heapreplace(lanes, lanes[0] + max(0.0, expected - done))
    return round(max(lanes), 3) or None


def _pace(
    run: Run, running: list[tuple[float | None, float]]
) -> tuple[float | None, float]:
    """Return how long a job of this run takes, and by what jobs outlast the past.

    `running`: the estimate of each, if there is one, and the seconds it has taken.
    """
    ended = run.jobs.filter(state=Job.State.SUCCEEDED).aggregate(
        usual=Avg("seconds"),
        took=Sum("seconds", filter=Q(estimate__gt=0), default=0.0),
        wanted=Sum("estimate", default=0.0),
    )
    took, wanted = ended["took"], ended["wanted"]
    for estimate, done in running:
        if estimate:
            took += max(estimate, done)
            wanted += estimate
    return ended["usual"], took / wanted if wanted else 1.0


def duration(seconds: float | None) -> str:
    """Return seconds in words: 4.2 s (in French 4,2 s), 3 min 10 s, 2 h 5 min."""
    if seconds is None:
        return "–"
    if seconds < 60:
        return f"{number_format(f'{seconds:.1f}')} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
