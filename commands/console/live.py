"""What the page of a run shows while it goes on: its jobs, one's output, the rest."""

from collections.abc import Iterable
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Case, IntegerField, QuerySet, Value, When
from django.http import HttpRequest
from django.utils.translation import gettext as _

from commands import queue
from commands.console.outcomes import outcome, with_outcomes
from commands.models import Cluster, Job, Run
from commands.progress import (
    busy_with,
    duration,
    seconds_left,
    seconds_of,
    seconds_taken,
)

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
