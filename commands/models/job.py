"""Jobs: one tenant's part of a run, and what became of it."""

import json
import time
from datetime import datetime
from functools import lru_cache

from django.conf import settings
from django.db import connection, models, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from commands import host
from commands.statements import change, moment, row
from tenants.models import Tenant

HOLD = "UPDATE tenants_tenant SET held_by = %s WHERE id = %s AND held_by IS NULL"
TAKE = """
UPDATE commands_job
SET state = 'running', worker = %s, started_at = %s, heartbeat_at = %s
WHERE id = %s AND state = 'queued'
"""
LOCK = "SELECT 1 FROM commands_run WHERE id = %s FOR UPDATE"
END = """
UPDATE commands_job
SET state = %s, error = %s, finished_at = %s, seconds = %s, exit_code = %s,
    result = %s
WHERE id = %s AND state = 'running' AND worker = %s
"""
LET_GO = "UPDATE tenants_tenant SET held_by = NULL WHERE held_by = %s AND id = %s"
LET_GO_AND_SHOW = """
UPDATE tenants_tenant
SET held_by = NULLIF(held_by, %s),
    last_job = %s, last_command = %s, last_state = %s, last_job_at = %s
WHERE id = %s
"""
PAGE = 65_536  # characters in a row of output
LEFT_OUT = "\n[... left out: there is more than VMOODLE_OUTPUT_CAP ...]\n"


class JobQuerySet(models.QuerySet["Job"]):
    def with_edges(self) -> "JobQuerySet":
        """With all that running a job needs."""
        return self.select_related("run", "tenant__server", "tenant__release")

    def startable(self) -> "JobQuerySet":
        """Those that are queued and whose time has come."""
        now = timezone.now()
        due = Q(not_before=None) | Q(not_before__lte=now)
        return self.filter(due, state=Job.State.QUEUED)


class Job(models.Model):
    """One tenant's part of a run.

    QUEUED -> RUNNING -> SUCCEEDED | FAILED | ROLLED_BACK | CANCELLED | SKIPPED
    QUEUED -> SKIPPED | CANCELLED
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("Queued")
        RUNNING = "running", _("Running")
        SUCCEEDED = "succeeded", _("Succeeded")
        FAILED = "failed", _("Failed")
        ROLLED_BACK = "rolled_back", _("Rolled back")
        SKIPPED = "skipped", _("Skipped")
        CANCELLED = "cancelled", _("Cancelled")

    OPEN = (State.QUEUED, State.RUNNING)
    BAD = (State.FAILED, State.ROLLED_BACK)

    run = models.ForeignKey("Run", models.CASCADE, related_name="jobs")
    # The history outlives the tenant: its wwwroot stays.
    tenant = models.ForeignKey(Tenant, models.SET_NULL, null=True, related_name="jobs")
    wwwroot = models.CharField(max_length=255)
    state = models.CharField(max_length=12, choices=State.choices, default=State.QUEUED)
    wave = models.PositiveSmallIntegerField(default=0)  # 0 is the canary, if any
    position = models.PositiveIntegerField(default=0)
    not_before = models.DateTimeField(null=True)
    estimate = models.FloatField(null=True)  # seconds
    worker = models.CharField(max_length=120, blank=True)  # host:pid:start time
    started_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    seconds = models.FloatField(null=True)
    cancel_requested = models.BooleanField(default=False)
    error = models.TextField(blank=True)  # one sentence; also why it was skipped
    exit_code = models.SmallIntegerField(null=True)
    result = models.JSONField(null=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["run", "state", "position"], name="job_claim"),
            models.Index(fields=["state"], name="job_state"),
            models.Index(fields=["tenant", "-id"], name="job_of_tenant"),
        ]

    def __str__(self) -> str:
        return f"#{self.run_id} {self.wwwroot}"

    def claim(self, worker: str) -> bool:
        """Take the job, and the tenant if the command wants it for itself.

        In a transaction, which goes back if somebody was first.
        """
        now = timezone.now()
        at = moment(now)
        wanted = self.tenant_id if self.run.exclusive else None
        if not change(TAKE, worker, at, at, self.pk) or (
            wanted and not change(HOLD, self.pk, wanted)
        ):
            transaction.set_rollback(True)
            return False
        self.started_at, self.worker = now, worker
        return True

    def finish(
        self,
        state: State,
        error: str = "",
        *,
        exit_code: int | None = None,
        result: object = None,
    ) -> bool:
        """End the running job, with all that follows for its tenant and its run.

        All or nothing, so that no stop rule, canary or mail is missed. False when it
        is not ours any more: somebody else ends it, or has.
        """
        now = timezone.now()
        seconds = (now - self.started_at).total_seconds() if self.started_at else None
        stored = None if result is None else json.dumps(result)
        at = moment(now)
        ended = (state, error, at, seconds, exit_code, stored)
        with transaction.atomic(savepoint=False):
            if connection.features.has_select_for_update:
                # END shares the run's row, by its foreign key, and counting wants it
                # alone: two ends that both shared it would be a deadlock.
                row(LOCK, self.run_id)
            if not change(END, *ended, self.pk, self.worker):
                return False
            if self.run.quiet:
                change(LET_GO, self.pk, self.tenant_id)
            else:
                seen = (self.pk, self.pk, self.run.command, state, at)
                change(LET_GO_AND_SHOW, *seen, self.tenant_id)
            self.state, self.error = state, error
            self.run.count(1, [self] if state in self.BAD else [])
        return True

    def beat(self) -> bool:
        """Show that the job is alive; False when it was taken away from us."""
        return self.hand_over(self.worker)

    def hand_over(self, worker: str) -> bool:
        """Give the running job to another worker; False if somebody was first.

        It keeps a second reaper from undoing what a next job on the same tenant
        does. If the new worker dies at it, a third comes.
        """
        running = Job.objects.filter(pk=self.pk, state=self.State.RUNNING)
        ours = running.filter(worker=self.worker)
        if given := ours.update(worker=worker, heartbeat_at=timezone.now()):
            self.worker = worker
        return bool(given)

    def worker_is_gone(self) -> bool:
        """Whether the process that runs the job has died.

        On another host it has when its heartbeat stands still, by our own clock:
        that of the other host may go otherwise, and a live job would be ended.
        """
        alive = host.is_alive(self.worker)
        if alive is not None:
            return not alive
        silent = time.monotonic() - first_seen(self.pk, self.heartbeat_at)
        return silent > settings.VMOODLE_HEARTBEAT_TIMEOUT

    @property
    def is_held(self) -> bool:
        """Whether it waits for its time."""
        waits = self.not_before and self.not_before > timezone.now()
        return bool(waits and self.state == self.State.QUEUED)

    def text(self, after: int = 0) -> tuple[str, int]:
        """Return the output behind so many characters, and how many there are now."""
        text = ""
        for page in self.output.filter(seq__gt=after // PAGE).order_by("seq"):
            begin = (page.seq - 1) * PAGE
            text += LEFT_OUT if begin > after else ""
            text += page.text[max(0, after - begin) :]
            after = begin + len(page.text)
        return text, after


@lru_cache(4096)
def first_seen(job: int, heartbeat: datetime | None) -> float:
    """Return when this process first saw a sign of life, on its monotonic clock."""
    return time.monotonic()


class Output(models.Model):
    """A page of a job's output; the last one grows while the job runs.

    Of long output the pages in the middle are missing.
    """

    job = models.ForeignKey(Job, models.CASCADE, related_name="output")
    seq = models.PositiveIntegerField()
    text = models.TextField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job", "seq"], name="one_seq")]

    def __str__(self) -> str:
        return f"{self.job_id}/{self.seq}"
