import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from commands.base import (
    CommandFailed,
    NothingToDo,
    PhpScript,
    RolledBack,
    Steps,
    register,
)
from commands.mnet.node import tell_peers
from commands.models import Job
from commands.patience import patiently
from commands.upgrade import halfway
from commands.upgrade.status import Status, refresh_releases, statuses
from commands.validation import invalid
from tenants import activity, files, moodledb, php
from tenants.backup import restore, snapshots
from tenants.lifecycle.steps import LifecycleError
from tenants.models import Release, Snapshot, Tenant
from tenants.serving import publish

PAGE = Path(__file__).with_name("maintenance.html")
POLL = 1.0  # seconds


class ReleaseField(forms.ModelChoiceField):
    """A release by its name; one that there is not is told with those there are."""

    def to_python(self, value: Any) -> Any:
        try:
            return super().to_python(value)
        except ValidationError as error:
            known = ", ".join(Release.objects.values_list("name", flat=True))
            raise invalid(
                _("There is no release %(name)s (known: %(known)s)"),
                name=value,
                known=known or _("none"),
            ) from error


@register
class Upgrade(PhpScript):
    """Upgrade the site's database to the code of its release.

    Tenants that are up to date are skipped by one SQL statement, without starting
    PHP. The site answers 503 while it is upgraded, and only then. Success is what
    the database says afterwards. A snapshot is taken first, once nobody can write any
    more; an upgrade that fails puts the database, and the release, back.

    With `to_release` the tenant is pinned to that release on the way, so that new
    code never meets the old database.

    Example of attributes: to_release=4.5&purge_caches=1
    """

    script = "admin/cli/upgrade.php"
    fixed = ("--non-interactive",)
    not_options = ("to_release", "purge_caches", "cron_wait", "without_snapshot")
    heals = True
    frequent = True
    kept: Snapshot | None = None  # what a failure can go back to
    letters = {"allow_unstable": "au", "purge_caches": "P"}
    # In this order; each is a method that yields lines.
    recipe = (
        "check",
        "close_site",
        "wait_for_cron",
        "snapshot",
        "flip",
        "upgrade",
        "verify",
        "purge",
    )

    to_release = ReleaseField(
        Release.objects.all(),
        to_field_name="name",
        required=False,
        label=_("To release"),
        help_text=_("Pin the tenant to this release; empty: keep its release."),
    )
    allow_unstable = forms.BooleanField(
        required=False, help_text=_("Also upgrade to code that is not stable.")
    )
    purge_caches = forms.BooleanField(
        required=False, help_text=_("Purge all caches after the upgrade.")
    )
    is_pending = forms.BooleanField(
        required=False,
        help_text=_("Only ask the script: exit code 2 when an upgrade is pending."),
    )
    cron_wait = forms.IntegerField(
        initial=120,
        min_value=0,
        max_value=3600,
        required=False,
        help_text=_("Seconds to wait for running cron tasks before giving up."),
    )

    without_snapshot = forms.BooleanField(
        required=False,
        help_text=_(
            "Take no snapshot first: the site is closed for a shorter time, and a "
            "failed upgrade stays as it is."
        ),
    )

    def skips(self, tenants: Sequence[Tenant]) -> dict[int, str]:
        pins = {tenant.pk: tenant.release_id for tenant in tenants}
        self._aim(tenants)
        refresh_releases(tenants)
        if self.cleaned_data["is_pending"]:
            return {}
        found = statuses(tenants)
        return {
            tenant.pk: f"up to date: {found[tenant.pk].release}"
            for tenant in tenants
            if found[tenant.pk].status == Status.CURRENT
            and pins[tenant.pk] == tenant.release_id
            and not tenant.is_half_upgraded
        }

    def _aim(self, tenants: Sequence[Tenant]) -> None:
        """Set, in memory only, the release each tenant shall have."""
        if target := self.cleaned_data["to_release"]:
            for tenant in tenants:
                tenant.release = target

    def run(self, tenant: Tenant) -> Steps:
        if self.cleaned_data["is_pending"]:
            self.accept = (0, 2)
            code = yield from self.call(tenant, self.script, self.options())
            return {"exit_code": code}
        self.former = self.back_to = tenant.release
        self.begun = self.unfinished = self.again = self.pinned = False
        self._aim([tenant])
        try:
            for step in self.recipe:
                yield f"== {step.replace('_', ' ')}"
                yield from getattr(self, step)(tenant)
        except (php.PhpError, CommandFailed) as error:
            if self.begun and self.kept:
                yield from self._roll_back(tenant, self.kept, error)
            elif not self.begun and self._opens(tenant):
                yield "The upgrade has not begun: the site opens again, as it was"
            raise
        finally:
            try:
                if self.pinned and not self.begun:  # whatever it was that ended it
                    self._go_back(tenant, self.former)
            finally:
                self._end(tenant)
        return {"before": self.before, "after": tenant.seen_version}

    def check(self, tenant: Tenant) -> php.Lines:
        """Decide from the database what there is to do."""
        restore.settle(tenant)
        php.refuse_foreign(tenant.release)  # before the site is closed for nothing
        site = statuses([tenant])[tenant.pk]
        self.before = site.version
        if site.status == Status.RUNNING:
            yield from self._outwait_lock(tenant)
            site = statuses([tenant])[tenant.pk]
        whole = site.status == Status.CURRENT and not tenant.is_half_upgraded
        if whole and self.former == tenant.release:
            raise NothingToDo(f"up to date: {site.release}")
        if site.status in {Status.UNKNOWN, Status.EMPTY}:
            raise CommandFailed(site.problem or "Moodle is not installed there")
        if site.status == Status.NEWER:
            raise CommandFailed(
                f"the site ({site.version}) is newer than the code of release "
                f"{tenant.release} ({tenant.release.version}); Moodle cannot go back"
            )
        yield f"{site.status.label}: {site.version} -> {tenant.release.version}"
        return 0

    def _outwait_lock(self, tenant: Tenant) -> php.Lines:
        """Wait until an upgrade that somebody else runs has ended, or is known dead."""
        yield "Another upgrade seems to run: waiting until it ends or its lock lapses"
        while statuses([tenant])[tenant.pk].status == Status.RUNNING:
            if activity.in_use(tenant) is False:
                halfway.mark(tenant, halfway.way_back(tenant))
                moodledb.forget_config(tenant, "upgraderunning")
                yield "Nobody has the database open: that upgrade is dead"
            yield None
            time.sleep(POLL)
        return 0

    def close_site(self, tenant: Tenant) -> php.Lines:
        """Write the maintenance page, which names this job as its owner."""
        closed = halfway.is_closed(tenant)  # since an upgrade that was cut off
        if (first := halfway.way_back(tenant)) and not closed:
            halfway.mark(tenant)
            yield (
                "The site may have been open since its upgrade failed: nothing goes "
                f"back to {first}, which lacks what was done since"
            )
        if files.in_maintenance(tenant) and not closed:
            yield "The site is in maintenance already and will stay so"
            return 0
        page = PAGE.read_text(encoding="utf-8").replace("{owner}", self._owner())
        files.enter_maintenance(tenant, page)
        yield "The site answers 503 from now on"
        return 0

    def _owner(self) -> str:
        return f"vmoodle-job-{self.job}."

    def _end(self, tenant: Tenant) -> None:
        """Open the site, but for one that is half upgraded and can go back."""
        if self.unfinished:
            halfway.mark(tenant, self.kept or halfway.way_back(tenant))
        if self._opens(tenant):
            files.leave_maintenance(tenant)

    def _opens(self, tenant: Tenant) -> bool:
        """Whether this job has closed the site, which is whole."""
        return self._has_closed(tenant) and halfway.way_back(tenant) is None

    def _has_closed(self, tenant: Tenant) -> bool:
        return self._owner() in files.maintenance_page(tenant)

    def wait_for_cron(self, tenant: Tenant) -> php.Lines:
        """Let running tasks end; no new one starts during maintenance."""
        deadline = time.monotonic() + (self.cleaned_data["cron_wait"] or 0)
        while running := activity.cron_runners(tenant):
            if time.monotonic() >= deadline:
                raise CommandFailed(
                    f"{running} cron runners are still at work: wait for them, or "
                    "give a longer cron_wait"
                )
            yield None
            time.sleep(POLL)
        return 0

    def snapshot(self, tenant: Tenant) -> php.Lines:
        """Keep what there is: the site is closed, so nobody's work comes after it."""
        if self.cleaned_data["without_snapshot"]:
            return 0
        if first := halfway.way_back(tenant):
            self.again = True
            self.kept, self.back_to = first, halfway.release_of(first) or self.former
            self.begun = True  # by the first try: whatever fails now goes back to it
            yield (
                f"Snapshot {first} is of before the first try, and the site was closed "
                "since: a failure goes back to it"
            )
            return 0
        note = f"before the upgrade to {tenant.release}"
        reason = Snapshot.Reason.UPGRADE
        self.kept = yield from snapshots.take(tenant, reason, note=note)
        yield f"Snapshot {self.kept}"
        if self.kept.half_way:
            yield "It is of a half upgraded site: restore takes it by its name only"
        return 0

    def flip(self, tenant: Tenant) -> php.Lines:
        """Pin the tenant to the new code tree, whose caches start empty."""
        if self.former == tenant.release:
            return 0
        self.interruptible = False  # else it would be left with code that it is not for
        self.pinned = True  # or perhaps published in part, if that fails
        patiently(lambda: tenant.pin(tenant.release))
        files.clear_caches(tenant)
        yield f"Pinned to release {tenant.release}"
        return 0

    def upgrade(self, tenant: Tenant) -> php.Lines:
        # A schema step that is cut off may need repair by hand.
        self.interruptible = False
        steps = self.call(tenant, self.script, self.options())
        try:
            while True:
                line = next(steps)
                # Moodle's mark that it begins to change the database.
                if line and line.startswith("-->"):
                    self.begun = self.unfinished = True
                yield line
        except StopIteration as end:
            code: int = end.value
            return code
        finally:
            steps.close()
            self._unlock(tenant)

    def _roll_back(
        self, tenant: Tenant, kept: Snapshot, error: php.PhpError | CommandFailed
    ) -> php.Lines:
        """Bring back database and release; raises RolledBack, or CommandFailed.

        The release comes last: until then the new code finds an upgrade pending,
        where old code would not notice that the database is too new for it.
        """
        yield "== roll back"
        self.interruptible = False
        page = PAGE.read_text(encoding="utf-8")
        try:
            yield from restore.restore(
                tenant, kept, page=page, files=False, job=self.job
            )
        except (LifecycleError, moodledb.MoodleDbError) as failure:
            raise CommandFailed(
                f"{error}; and it could not be rolled back: {failure}", error.exit_code
            ) from error
        self._go_back(tenant, self.back_to)
        self.unfinished = kept.half_way
        told = "the site is what it was before"
        if kept.half_way:
            told += ", half upgraded"
        else:
            halfway.unmark(tenant)
        if self.again:  # what peers have written since the first try is gone
            yield from tell_peers(tenant)
        raise RolledBack(f"{error}; {told}", error.exit_code) from error

    def _go_back(self, tenant: Tenant, release: Release) -> None:
        """Pin a release again, for which the database is.

        Else the site would answer every page with the new code's upgrade notice.
        """
        if release == tenant.release:
            return
        with suppress(files.FilesError):
            files.clear_caches(tenant)
        patiently(lambda: tenant.pin(release))

    def _unlock(self, tenant: Tenant) -> None:
        """Remove Moodle's upgrade lock, which our script leaves behind when it dies.

        It would block every page and script for minutes, and our script has ended.
        """
        with suppress(moodledb.MoodleDbError):
            wait = settings.VMOODLE_DATABASE_WAIT
            moodledb.wait_until_up(tenant.server, wait)
            moodledb.forget_config(tenant, "upgraderunning")

    def verify(self, tenant: Tenant) -> php.Lines:
        """Believe the database only: exit codes and `version` prove nothing."""
        site = statuses([tenant])[tenant.pk]
        if site.status != Status.CURRENT:
            raise CommandFailed(
                f"upgrade.php ended without an error but the database says: "
                f"{site.status.label} ({site.version})"
            )
        yield f"The database is that of {site.release}"
        # Nothing that fails from now on is a reason to go back.
        self.kept, self.unfinished, self.pinned = None, False, False
        halfway.unmark(tenant)
        self.interruptible = True  # before, the site would count as half upgraded
        return 0

    def purge(self, tenant: Tenant) -> php.Lines:
        if self.cleaned_data["purge_caches"]:
            yield from self.call(tenant, "admin/cli/purge_caches.php", [])
        return 0

    def recover(self, tenant: Tenant) -> None:
        snapshots.forget_begun(tenant)
        try:
            restore.recover(tenant)
            publish.publish(tenant)  # its pin was perhaps published, and not stored
        finally:
            self._judge(tenant)
            ours = self._has_closed(tenant)
            self._end(tenant)
            if ours:  # else it may be the lock of an upgrade that was waited for
                self._unlock(tenant)

    def _judge(self, tenant: Tenant) -> None:
        """Tell whether the worker died between the snapshot and the end.

        Without a snapshot: while Moodle's script was at work on a site we had closed.
        """
        status = statuses([tenant])[tenant.pk].status
        perhaps = status in {Status.RUNNING, Status.UNKNOWN}
        self.unfinished = perhaps and self._has_closed(tenant)
        if status == Status.CURRENT:
            halfway.unmark(tenant)
        elif job := Job.objects.filter(pk=self.job or 0).first():
            taken = Snapshot.objects.filter(
                tenant=tenant,
                reason=Snapshot.Reason.UPGRADE,
                created_at__gte=job.started_at,
            )
            self.kept = taken.first()
            self.unfinished |= self.kept is not None
