"""Two pages for monitoring: is the process up, and does the work get done?"""

from datetime import timedelta

from django.db.models import F, Max, Min
from django.db.models.functions import Coalesce
from django.http import HttpRequest, JsonResponse
from django.utils import timezone

from commands.models import Cluster, Job, Mail
from commands.queue import CONTROL, JOBS

STUCK = timedelta(minutes=5)  # a job may wait so long while nothing runs


def healthz(request: HttpRequest) -> JsonResponse:
    """Answer 200 as long as the process serves requests."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    """Answer 200 when both queues have live workers and no job is stuck, else 503."""
    startable = Job.objects.startable().filter(wave__lte=F("run__open_wave"))
    oldest = startable.aggregate(at=Min(Coalesce("not_before", "run__started_at")))[
        "at"
    ]
    running = Job.objects.filter(state=Job.State.RUNNING).exists()
    now = timezone.now()
    report = {
        "control_workers": Cluster.alive(CONTROL),
        "jobs_workers": Cluster.alive(JOBS),
        "control_silent_seconds": _silence(CONTROL),
        "jobs_silent_seconds": _silence(JOBS),
        "oldest_queued_seconds": (now - oldest).total_seconds() if oldest else None,
        "stuck": bool(oldest and now - oldest > STUCK and not running),
        "mails_waiting": Mail.objects.count(),
    }
    ready = report["control_workers"] and report["jobs_workers"] and not report["stuck"]
    return JsonResponse(report, status=200 if ready else 503)


def _silence(name: str) -> float | None:
    """Return the seconds since a cluster of this queue last showed life."""
    last = Cluster.objects.filter(queue=name).aggregate(at=Max("heartbeat_at"))["at"]
    return (timezone.now() - last).total_seconds() if last else None
