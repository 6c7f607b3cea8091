"""What the page of a run shows while it goes on: its jobs, one's output, the rest."""

import heapq
from collections.abc import Iterable
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import (
    Avg,
    Case,
    IntegerField,
    Max,
    QuerySet,
    Value,
    When,
)
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from commands import queue
from commands.console.outcomes import outcome, with_outcomes
from commands.models import Cluster, Job, Run

PER_PAGE = 100
TAIL = 12  # lines
BRIEF = 300  # characters of an error that is told in a line
BEGIN = 80  # of those, when an error is cut: what a script said last tells most
# What an operator must see first comes first.
ORDER = Case(
    When(state__in=Job.BAD, then=Value(0)),
    When(state=Job.State.RUNNING, then=Value(1)),
    When(state=Job.State.QUEUED, then=Value(2)),
    default=Value(3),
    output_field=IntegerField(),
)


def live(request: HttpRequest, run: Run) -> dict[str, Any]:
    """Return what the part of the page that changes is made of."""
    counts = run.counts()
    wanted = request.GET.get("state", "")
    jobs = run.jobs.all()
    if wanted in Job.State.values:
        jobs = jobs.filter(state=wanted)
    page = _page(request, jobs, counts.get(wanted, run.total))
    focus = _focus(request, run, page)
    busy = busy_with(run)
    return {
        "run": run,
        "counts": [(s, s.label, counts[s]) for s in Job.State if counts[s]],
        "jobs": page,
        "rows": [(job, *_told(job), busy.get(job.pk)) for job in page],
        "wanted": wanted,
        "here": request.GET.urlencode(),
        "focus": focus,
        "tail": _tail(focus) if focus else [],
        "left": duration(left) if (left := seconds_left(run)) else None,
        "took": duration(seconds_taken(run)),
        "said": _said(run),
        "idle": _is_idle(counts),
    }


def _told(job: Job) -> tuple[str, str, str]:
    return shortened(job.error), outcome(job), duration(seconds_of(job))


def busy_with(run: Run) -> dict[int, Run]:
    """Return, by pk of a queued job, the other run that has its tenant just now."""
    if run.state != Run.State.RUNNING or not run.exclusive:
        return {}
    waiting = run.jobs.filter(state=Job.State.QUEUED, tenant__held_by__isnull=False)
    held = dict(waiting.values_list("pk", "tenant__held_by"))
    holders = Job.objects.select_related("run").in_bulk(held.values())
    return {pk: holders[by].run for pk, by in held.items() if by in holders}


def _said(run: Run) -> str:
    """Return what is read out: something new at each tenth and at each failure."""
    percent = 10 * (10 * run.done // max(1, run.total))
    done = _("%(percent)s %% done") % {"percent": percent}
    failed = _("%(number)s failed") % {"number": run.failed}
    return f"{done}, {failed}" if run.failed else done


def _is_idle(counts: dict[str, int]) -> bool:
    """Whether jobs wait for a worker, where none is."""
    waits = counts[Job.State.QUEUED] and not counts[Job.State.RUNNING]
    return bool(waits and not Cluster.alive(queue.JOBS))


def _focus(request: HttpRequest, run: Run, page: Iterable[Job]) -> Job | None:
    """Return the job whose output is shown: the chosen one, or the most urgent."""
    chosen = request.GET.get("job", "")
    if chosen.isdigit():
        return run.jobs.filter(pk=int(chosen)).first()
    urgent = (*Job.BAD, Job.State.RUNNING)
    return next((job for job in page if job.state in urgent), None)


class _Counted(Paginator):
    """A paginator that is told the number of rows, which the page knows anyway."""

    count = 0


def _page(request: HttpRequest, jobs: QuerySet[Job], number: int) -> Page[Job]:
    rows = with_outcomes(jobs).annotate(urgency=ORDER)
    paginator = _Counted(rows.order_by("urgency", "position", "pk"), PER_PAGE)
    paginator.count = number
    return paginator.get_page(request.GET.get("p"))


def _tail(job: Job) -> list[str]:
    """Return the last lines of a job's output."""
    last = job.output.order_by("-seq").values_list("text", flat=True)[:2]
    return "".join(reversed(last)).splitlines()[-TAIL:]


def shortened(error: str) -> str:
    """Return an error without its middle, if it is long."""
    if len(error) <= BRIEF:
        return error
    return f"{error[:BEGIN]} … {error[BEGIN - BRIEF :]}"


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
    ended = run.jobs.filter(state=Job.State.SUCCEEDED)
    usual = ended.aggregate(a=Avg("seconds"))["a"]
    running = run.jobs.filter(state=Job.State.RUNNING)
    rows = running.values_list("estimate", "started_at")
    work = [(estimate, (now - (at or now)).total_seconds()) for estimate, at in rows]
    if not work and busy_with(run):
        return None
    waiting = queued.order_by("position").values_list("estimate", flat=True)
    work += [(estimate, 0.0) for estimate in waiting]
    lanes = [0.0] * max(1, run.parallel)  # till when each is busy: a heap
    for estimate, done in work:
        expected = usual if estimate is None else estimate
        if expected is None:
            return None
        heapq.heapreplace(lanes, lanes[0] + max(0.0, expected - done))
    return max(lanes) or None


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
