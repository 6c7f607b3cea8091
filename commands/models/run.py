"""Runs: one command over a frozen list of tenants."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.db.models import Count, F, Q
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from commands import notify, queue
from commands.base import Command, Json, find
from commands.models.job import Job
from commands.models.material import Material
from commands.patience import past_deadlocks
from commands.statements import change, row
from commands.validation import invalid, kept, sentences
from tenants.fields import EncryptedTextField
from tenants.models import Tenant

BATCH = 500  # rows in one bulk INSERT
PAST = 3  # finished runs of a command, from which a start learns how long jobs take
COUNT = "UPDATE commands_run SET done = done + %s, failed = failed + %s WHERE id = %s"
STANDING = "SELECT done, failed, open_wave FROM commands_run WHERE id = %s"


class Run(models.Model):
    """One command, with its parameters, over a frozen list of tenants.

    DRAFT -> RUNNING -> FINISHED
    """

    FLEET_CRON = "vcron"  # the origin of runs that come every minute

    class State(models.TextChoices):
        DRAFT = "draft", _("Draft")
        RUNNING = "running", _("Running")
        FINISHED = "finished", _("Finished")

    command = models.CharField(_("command"), max_length=80, blank=True)
    attributes = models.TextField(blank=True)  # a querystring
    secrets = EncryptedTextField(blank=True)  # another; emptied when the run ends
    targets = models.JSONField(default=list)  # pks of tenants, while a draft
    state = models.CharField(max_length=12, choices=State.choices, default=State.DRAFT)
    # A user name, or user@host of a shell.
    actor = models.CharField(_("actor"), max_length=150)
    origin = models.CharField(_("origin"), max_length=20, default="screen")
    retry_of = models.ForeignKey(
        "self", models.SET_NULL, null=True, blank=True, related_name="retries"
    )
    exclusive = models.BooleanField(default=True)
    parallel = models.PositiveSmallIntegerField(default=0)  # jobs at once
    max_failures = models.PositiveIntegerField(null=True)
    open_wave = models.PositiveSmallIntegerField(default=1)
    logroot = models.CharField(max_length=255, blank=True)
    total = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    stopped = models.TextField(blank=True)  # why it ended early
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    counts_at_end = models.JSONField(null=True)

    class Meta:
        ordering = ["-pk"]
        verbose_name = _("run")
        verbose_name_plural = _("runs")
        default_permissions = ("view",)
        permissions = [
            ("operate", _("May run commands")),
            ("dangerous", _("May run dangerous commands")),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.command}"

    @property
    def quiet(self) -> bool:
        """Whether nobody is told of the run, by mail or as a tenant's last job."""
        return self.origin == self.FLEET_CRON

    def bound(self) -> Command:
        """Return the command bound to the run's parameters, valid or not."""
        told = "&".join(filter(None, (self.attributes, self.secrets)))
        return find(self.command).from_attributes(told)

    def form(self) -> Command:
        """Return the command bound to the run's parameters; raise ValidationError."""
        form = self.bound()
        if not form.is_valid():
            raise invalid(sentences(form))
        return form

    @cached_property
    def command_of_jobs(self) -> Command:
        """The bound command that its jobs copy; a lane binds it once for all."""
        form = self.form()
        if form.prepares():
            form.material = Material.of(self.pk)
        return form

    def start(self, *, canary: Sequence[int] | int = (), lanes: bool = True) -> None:
        """Freeze the targets into jobs and enqueue the run. Only a draft starts.

        Tenants that need nothing are skipped here, by SQL, and those that refuse it
        fail; the longest jobs of the past come first. `canary`: pks of tenants that
        go before the others, or how many do, of those that have anything to do.
        """
        form = self.form()
        jobs = self.plan(form, canary)
        queued = [job for job in jobs if job.state == Job.State.QUEUED]
        due = [job.tenant for job in queued if job.tenant]
        material = form.prepare(due) if due else None
        self.exclusive, self.total = form.exclusive, len(jobs)
        self.parallel = self.parallel or settings.VMOODLE_WORKERS
        self.open_wave = min(job.wave for job in jobs)
        with transaction.atomic():
            self._begin(jobs, len(jobs) - len(due), material)
            if lanes:
                queue.enqueue_lanes(self.pk, self.lanes_wanted())

    def _begin(self, jobs: Sequence[Job], ended: int, material: Json) -> None:
        """Store the run with its jobs; raise ValidationError if it is no draft."""
        if not Run.objects.filter(pk=self.pk, state=self.State.DRAFT).update(
            state=self.State.RUNNING
        ):
            raise invalid(_("Run %(run)s has been started already"), run=self.pk)
        Job.objects.bulk_create(jobs, batch_size=BATCH)
        self.state, self.started_at = self.State.RUNNING, timezone.now()
        self.save()
        if material is not None:
            Material.objects.create(run=self, data=Material.pack(material))
        failed = self.jobs.filter(state=Job.State.FAILED).order_by("pk")
        self.count(ended, list(failed))  # it may be enough to stop, or to end

    def lanes_wanted(self) -> int:
        """Return how many lanes more would have a job, were there no other limits."""
        free = self.parallel - self.jobs.filter(state=Job.State.RUNNING).count()
        return max(0, min(free, self.jobs.startable().count()))

    def plan(self, form: Command, canary: Sequence[int] | int = ()) -> list[Job]:
        """Return the jobs that a start would create, those of the canary in wave 0."""
        # Few servers and releases: tenants that share one share its object.
        targets = Tenant.objects.filter(pk__in=self.targets)
        tenants = list(targets.prefetch_related("server", "release"))
        if not tenants:
            raise invalid(_("No tenant is selected: nothing was done"))
        ended = _ended(form, tenants)
        if isinstance(canary, int):
            canary = [pk for pk in self.targets if pk not in ended][:canary]
        past, first = self._past_seconds(), set(canary)
        usual = sorted(past.values())[len(past) // 2] if past else None
        tenants.sort(key=lambda tenant: -(past.get(tenant.pk, usual) or 0))
        return [
            Job(
                run=self,
                tenant=tenant,
                wwwroot=tenant.wwwroot,
                position=position,
                estimate=past.get(tenant.pk, usual),
                wave=0 if tenant.pk in first else 1,
                not_before=form.not_before(),
                **ended.get(tenant.pk, {}),
            )
            for position, tenant in enumerate(tenants)
        ]

    def _past_seconds(self) -> dict[int, float]:
        """Return how long this command took on each tenant in its latest runs."""
        runs = Run.objects.filter(command=self.command, state=self.State.FINISHED)
        latest = list(runs.values_list("pk", flat=True)[:PAST])
        jobs = Job.objects.filter(run_id__in=latest, state=Job.State.SUCCEEDED)
        rows = jobs.order_by("pk").values_list("tenant_id", "seconds")
        return {tenant: seconds or 0.0 for tenant, seconds in rows if tenant}

    def count(self, done: int, failed: Sequence[Job] = ()) -> None:
        """Count ended jobs, in the transaction of their end, with what follows.

        That is a mail, the stop rule, the next wave, the end. Each number is seen
        by one transaction only, since counting locks the row.
        """
        change(COUNT, done, len(failed), self.pk)
        self.done, self.failed, self.open_wave = row(STANDING, self.pk)
        notify.counted(self, done, failed)
        if failed and self.max_failures and self.failed >= self.max_failures:
            self.stop(f"stopped: {self.failed} failed")
        if self.open_wave == 0:
            self._judge_canary()
        if self.done >= self.total:
            self.close()

    def _judge_canary(self) -> None:
        canary = self.jobs.filter(wave=0)
        if canary.filter(state__in=Job.OPEN).exists():
            return
        bad = canary.exclude(state__in=(Job.State.SUCCEEDED, Job.State.SKIPPED)).count()
        if bad:
            self.stop(f"stopped: {bad} of the canary wave did not succeed")
        else:
            Run.objects.filter(pk=self.pk).update(open_wave=1)

    @transaction.atomic
    def close(self) -> None:
        """End the run when all its jobs have ended; the first to see it tells."""
        over = Run.objects.filter(pk=self.pk, done__gte=F("total"))
        if over.filter(state=self.State.RUNNING).update(
            state=self.State.FINISHED, finished_at=timezone.now(), secrets=""
        ):
            self.refresh_from_db()
            Run.objects.filter(pk=self.pk).update(counts_at_end=self.counts())
            Material.objects.filter(run=self).delete()
            notify.final(self)

    def stop(self, reason: str) -> None:
        """Cancel what is queued; what runs goes on to its end."""
        Run.objects.filter(pk=self.pk, stopped="").update(stopped=reason)
        self.cancel_queued(reason)

    @past_deadlocks  # a job that ends has locked its own row first
    @transaction.atomic
    def cancel(self, by: str, *only: Q) -> None:
        """Cancel what is queued and ask what runs to stop: all jobs, or only some."""
        end = self.cancel_queued if only else self.stop
        end(f"cancelled by {by}", *only)
        running = self.jobs.filter(*only, state=Job.State.RUNNING)
        running.update(cancel_requested=True)

    @transaction.atomic
    def cancel_queued(self, reason: str, *only: Q) -> None:
        """Cancel queued jobs of the run, such as still are so."""
        number = self.jobs.filter(*only, state=Job.State.QUEUED).update(
            state=Job.State.CANCELLED, error=reason, finished_at=timezone.now()
        )
        if number:
            self.count(number)

    def retry(self, states: Sequence[str], actor: str, origin: str) -> "Run":
        """Return a draft, not saved yet, of this run's jobs in these states."""
        targets = self.jobs.filter(state__in=states, tenant__isnull=False)
        return Run(
            command=self.command,
            attributes=self.attributes,
            targets=list(targets.values_list("tenant_id", flat=True)),
            retry_of=self,
            parallel=self.parallel,
            logroot=self.logroot,
            actor=actor,
            origin=origin,
        )

    def counts(self) -> dict[str, int]:
        """Return how many jobs are in each state, states without any as 0."""
        counts = self.counts_at_end or dict(
            self.jobs.order_by().values_list("state").annotate(Count("pk"))
        )
        return {state: counts.get(state, 0) for state in Job.State.values}


def _ended(form: Command, tenants: Sequence[Tenant]) -> dict[int, dict[str, Any]]:
    """Return, by tenant pk, how jobs end that need not begin, and why."""
    with kept():
        skips = form.skips(tenants)
        refusals = form.refusals([one for one in tenants if one.pk not in skips])
    skipped = {pk: {"state": Job.State.SKIPPED, "error": skips[pk]} for pk in skips}
    return skipped | {
        pk: {"state": Job.State.FAILED, "error": refusals[pk]} for pk in refusals
    }
