"""Restore a site from a snapshot: load beside it, then change places.

The database's tables change places by one statement, which the server does whole or
not at all; the data directories by two renames. Until both are done, everything can
be undone.
"""

import json
import time
from functools import partial
from pathlib import Path

from tenants import activity, files, moodledb, php
from tenants.backup import content, manifest, snapshots
from tenants.backup.manifest import FILES, SnapshotError
from tenants.errors import VMoodleError
from tenants.lifecycle import databases, steps
from tenants.lifecycle.steps import Lines, Step
from tenants.models import Journal, Snapshot, Tenant

WORK = "restore"
CRON_WAIT = 120  # seconds


def restore(
    tenant: Tenant,
    snapshot: Snapshot,
    *,
    page: str,
    files: bool = True,
    job: int | None = None,
) -> Lines:
    """Restore; `page` is what visitors get meanwhile. Raises LifecycleError."""
    settle(tenant)
    php.refuse_foreign(tenant.release)  # before the site is closed for nothing
    _refuse_newer(tenant, snapshot)
    if files and Path(tenant.data_path).is_symlink():
        raise SnapshotError(
            f"{tenant.data_path} is a link: give the tenant the directory it leads to"
        )
    plan = {"snapshot": snapshot.pk, "page": page, "files": files}
    journal = Journal.objects.create(tenant=tenant, work=WORK, text=json.dumps(plan))
    work = Restoration(journal, job)
    mark = journal.mark
    yield from steps.carry_out(journal, work.steps())
    yield from work.clear_away(mark)
    yield from _tell_version(tenant, snapshot)


def recover(tenant: Tenant) -> None:
    """Undo a restore whose process died."""
    journal = Journal.objects.filter(tenant=tenant, work=WORK).first()
    if journal and (left := steps.take_back(journal, Restoration(journal).steps())):
        raise SnapshotError(left)


def settle(tenant: Tenant) -> None:
    """Undo what a restore has left; raise LifecycleError if anything is half done.

    Undone later, it would take away what was done on the site until then.
    """
    recover(tenant)
    steps.refuse_half_done(tenant)


def _refuse_newer(tenant: Tenant, snapshot: Snapshot) -> None:
    version = tenant.release.version
    if float(snapshot.version or 0) > float(version or 0):
        raise SnapshotError(
            f"{snapshot} is of Moodle {snapshot.version}, which is newer than the "
            f"tenant's release {tenant.release} ({version}): pin a newer one first"
        )


def _tell_version(tenant: Tenant, snapshot: Snapshot) -> Lines:
    hash_ = manifest.read(snapshot.path)["site"].get("allversionshash")
    if hash_ != tenant.release.versions_hash:
        yield f"The site is now one of {snapshot.release}: upgrade it"


class Restoration:
    """One restore, as its journal tells of it."""

    def __init__(self, journal: Journal, job: int | None = None) -> None:
        self.job, self.journal, self.tenant, self.mark = (
            job,
            journal,
            journal.tenant,
            journal.mark,
        )
        self.snapshot = Snapshot.objects.get(pk=journal.plan["snapshot"])
        self.scratch = f"vmoodle_new_{journal.token}"
        self.former = f"vmoodle_old_{journal.token}"
        data = Path(self.tenant.data_path)
        self.new_data = data.with_name(f"{data.name}.new-{journal.token}")
        self.old_data = data.with_name(f"{data.name}.old-{journal.token}")
        # Its page names the work, so that another's maintenance is left alone.
        self.page = journal.plan["page"].replace("{owner}", f"vmoodle-{journal.token}.")

    def steps(self) -> list[Step]:
        with_files = [
            Step("lay out the data files", self.lay_out, self.forget_files),
        ]
        swap_files = [Step("swap the data files", self.swap_files, self.unswap_files)]
        both = self.journal.plan["files"]
        return [
            Step("load the snapshot", self.load, self.forget_database),
            *(with_files if both else []),
            Step("close the site", self.close, self.open),
            Step("wait for cron", self.wait),
            *(swap_files if both else []),
            Step("swap the database", self.swap, self.unswap),
            Step("purge the caches", self.purge),
            Step("open the site", self.reopen),
        ]

    def load(self) -> Lines:
        server = self.tenant.server
        databases.create(server, self.scratch, self.mark)
        yield from snapshots.load(self.snapshot, server, self.scratch)
        sessions = f"{self.tenant.db_prefix}sessions"
        if sessions in databases.table_sizes(server, self.scratch):
            # Nobody who has logged out since shall be in again.
            moodledb.execute(server, f"TRUNCATE `{self.scratch}`.`{sessions}`")

    def forget_database(self) -> None:
        databases.drop(self.tenant.server, self.scratch, self.mark)

    def lay_out(self) -> Lines:
        content.lay_out(self.new_data, self.mark, self.snapshot.path / FILES)
        files.enter_maintenance(self._with(self.new_data), self.page)
        yield None

    def _with(self, data: Path) -> Tenant:
        """Return the tenant as if that were its data directory."""
        return Tenant(data_path=str(data))

    def forget_files(self) -> None:
        content.remove(self.new_data, self.mark)

    def close(self) -> Lines:
        if files.in_maintenance(self.tenant):
            yield "The site is in maintenance already and will stay so"
            if self.journal.plan["files"]:
                page = files.maintenance_page(self.tenant)
                files.enter_maintenance(self._with(self.new_data), page)
            return
        files.enter_maintenance(self.tenant, self.page)
        yield "The site answers 503 from now on"

    def open(self) -> None:
        if f"vmoodle-{self.journal.token}." in files.maintenance_page(self.tenant):
            files.leave_maintenance(self.tenant)

    def purge(self) -> Lines:
        """Make Moodle start on what was restored: if it cannot, all goes back."""
        files.clear_caches(self.tenant)
        script = "admin/cli/purge_caches.php"
        yield from php.run(self.tenant, script, job=self.job)

    def reopen(self) -> Lines:
        self.open()
        yield None

    def wait(self) -> Lines:
        deadline = time.monotonic() + CRON_WAIT
        while running := activity.cron_runners(self.tenant):
            if time.monotonic() > deadline:
                raise SnapshotError(f"{running} cron runners are still at work")
            yield None
            time.sleep(1)

    def swap_files(self) -> Lines:
        live = Path(self.tenant.data_path)
        content.rename(live, self.old_data)
        content.rename(self.new_data, live)
        content.set_mark(self.old_data, self.mark)
        yield None

    def unswap_files(self) -> None:
        live = Path(self.tenant.data_path)
        if not self.old_data.exists():
            return
        if live.exists():
            content.rename(live, self.new_data)
        content.rename(self.old_data, live)

    def swap(self) -> Lines:
        server = self.tenant.server
        databases.create(server, self.former, self.mark)
        databases.swap(server, self.tenant.db_name, self.scratch, self.former)
        yield None

    def unswap(self) -> None:
        server = self.tenant.server
        if not databases.exists(server, self.former):  # its token makes the name ours
            return
        if databases.table_sizes(server, self.former):
            databases.swap(server, self.tenant.db_name, self.former, self.scratch)
        databases.drop(server, self.former, self.mark)

    def clear_away(self, mark: str) -> Lines:
        """Remove what the site was before; what cannot be is left for the doctor."""
        drops = [
            partial(databases.drop, self.tenant.server, name, mark)
            for name in (self.former, self.scratch)
        ]
        for remove in (*drops, partial(content.remove, self.old_data, mark)):
            try:
                remove()
            except VMoodleError as error:
                yield f"Left behind: {error}"
