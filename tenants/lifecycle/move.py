"""Move a site to another database server or data path.

It is down for the last part only: what is new in its files and in its database since
they were copied. Until it is open again everything can be taken back; what it had
before is then put aside, and `manage.py doctor --fix` removes it.
"""

import copy
import json
import re
import shutil
import time
from collections.abc import Generator
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction

from tenants import activity, files, moodledb, php
from tenants.backup import content, dump, snapshots
from tenants.errors import VMoodleError
from tenants.lifecycle import databases, destroy, marks, steps
from tenants.lifecycle.steps import LifecycleError, Lines, Step
from tenants.models import DatabaseServer, Journal, Tenant

WORK = "move"
CRON_WAIT = 120  # seconds
PURGE = "admin/cli/purge_caches.php"


def move(
    tenant: Tenant,
    server: DatabaseServer,
    data_path: str,
    *,
    page: str,
    job: int | None = None,
) -> Generator[str | None, None, float | None]:
    """Move; `page` is what visitors get meanwhile. Raises LifecycleError.

    Returns for how many seconds it was down; None: somebody else had closed it.
    """
    _refuse(tenant, server, data_path)
    plan = {
        "servers": [tenant.server_id, server.pk],
        "data": [tenant.data_path, data_path],
        "page": page,
        "has_account": databases.has_account(server, tenant.db_user),
    }
    journal = Journal.objects.create(tenant=tenant, work=WORK, text=json.dumps(plan))
    work = Moving(journal, job)
    yield from steps.carry_out(journal, work.steps())
    down = work.open()  # from now on it may be written: nothing can be taken back
    # All of it before a line, at which a cancel may end this.
    told = [*marks.take_off(work.tenant), *work.put_aside()]
    tenant.refresh_from_db(fields=["server", "data_path"])
    yield f"The site is open: it was down {down:.1f} s" if down else "It stays closed"
    yield from told
    return down


def recover(tenant: Tenant) -> str:
    """Take back a move whose process died; return what could not be."""
    journal = Journal.objects.filter(tenant=tenant, work=WORK).first()
    if journal:
        return steps.take_back(journal, Moving(journal).steps())
    if re.search(r"vmoodle-[0-9a-f]{16}\.", files.maintenance_page(tenant)):
        files.leave_maintenance(tenant)  # it was done, all but this
    return ""


def _refuse(tenant: Tenant, server: DatabaseServer, data_path: str) -> None:
    """Raise LifecycleError for a place where the site cannot go."""
    steps.refuse_half_done(tenant)
    php.refuse_foreign(tenant.release)  # before the site is closed for nothing
    if server != tenant.server:
        moodledb.wait_until_up(server, 0)
        if databases.exists(server, tenant.db_name):
            raise LifecycleError(
                f"{server} has a database {tenant.db_name} already: drop it first"
            )
        if more := databases.more_than_tables(tenant.server, tenant.db_name):
            raise LifecycleError(
                "its database has more than tables, which do not move: "
                f"{', '.join(more)}; drop it, and make it again there"
            )
    if data_path != tenant.data_path:
        for path in (tenant.data_path, data_path):
            if Path(path).is_symlink():
                raise LifecycleError(f"{path} is a link: name the directory itself")
        here, there = Path(tenant.data_path), Path(data_path)
        if here in there.parents or there in here.parents:
            raise LifecycleError(f"{there} and {here} are one within the other")
        destroy.refuse_shared(tenant)
        if content.is_used(there):
            raise LifecycleError(f"{data_path} is not empty")
        row = Tenant.objects.with_edges().get(pk=tenant.pk)
        row.data_path = data_path
        try:
            row.clean()
        except ValidationError as error:
            raise LifecycleError(" ".join(error.messages)) from error


class Moving:
    """One move, as its journal tells of it."""

    def __init__(self, journal: Journal, job: int | None = None) -> None:
        self.job, self.journal, self.tenant = job, journal, journal.tenant
        self.closed: float | None = None  # when, on this process's clock
        self.copied: dict[str, dump.Table] = {}  # as they are on the target
        self.mark, self.plan = journal.mark, journal.plan
        self.source, self.target = (
            DatabaseServer.objects.get(pk=pk) for pk in self.plan["servers"]
        )
        self.old, self.new = map(Path, self.plan["data"])
        # What is taken back waits for this one's server, and not for the target.
        journal.tenant = self._at(self.source, self.old)
        label = f"{snapshots.FRESH}{self.tenant.shortname.lower()}"
        self.room = settings.VMOODLE_SNAPSHOT_DIR / f"{label}-move-{journal.token}"
        # Its page names the work, so that another's maintenance is left alone.
        self.page = self.plan["page"].replace("{owner}", f"vmoodle-{journal.token}.")

    def steps(self) -> list[Step]:
        pool = Step("copy the data files", self.copy_pool, self.forget_copy)
        sync = Step("copy what is new in them", self.sync)
        sync_database = Step("copy what is new in the database", self.sync_database)
        database = [
            Step(databases.MAKE, self.make_database, self.forget_database),
            Step(databases.MAKE_ACCOUNT, self.make_account, self.forget_account),
            Step("copy the database", self.copy_database, self.forget_dump),
        ]
        moves_data, moves_database = self.old != self.new, self.source != self.target
        return [
            *([pool] if moves_data else []),
            *(database if moves_database else []),
            Step("close the site", self.close, self.open_again),
            Step("wait for cron", self.wait),
            *([sync] if moves_data else []),
            *([sync_database] if moves_database else []),
            Step("switch over", self.switch, self.switch_back),
            Step("purge the caches", self.purge),
        ]

    def _at(self, server: DatabaseServer, data: Path) -> Tenant:
        """Return the tenant as if it were there."""
        there = copy.copy(self.tenant)
        there.server, there.data_path = server, str(data)
        return there

    def copy_pool(self) -> Lines:
        """Copy what is stored by its digest, while the site is open."""
        content.lay_out(self.new, self.mark)
        content.copy_pool(self.old, self.new)
        yield None

    def forget_copy(self) -> None:
        content.remove(self.new, self.mark)

    def close(self) -> Lines:
        former = self._at(self.source, self.old)
        if files.in_maintenance(former):
            yield "The site is in maintenance already and will stay so"
            return
        yield from self._cron()  # while it is open still
        self.closed = time.monotonic()
        files.enter_maintenance(former, self.page)
        yield "The site answers 503 from now on"

    def _open(self, data: Path) -> None:
        there = self._at(self.source, data)
        if f"vmoodle-{self.journal.token}." in files.maintenance_page(there):
            files.leave_maintenance(there)

    def open_again(self) -> None:
        self._open(self.old)

    def open(self) -> float | None:
        """Open it; return for how many seconds it was closed by us."""
        self._open(self.new)
        return time.monotonic() - self.closed if self.closed else None

    def wait(self) -> Lines:
        if running := (yield from self._cron()):
            raise LifecycleError(f"{running} cron runners are still at work")

    def _cron(self) -> Generator[None, None, int]:
        """Wait for what cron has begun; return how many runners still are at work."""
        deadline = time.monotonic() + CRON_WAIT
        while running := activity.cron_runners(self._at(self.source, self.old)):
            if time.monotonic() > deadline:
                break
            yield None
            time.sleep(1)
        return running

    def sync(self) -> Lines:
        """Copy the rest, and prove that nothing is missing."""
        content.copy_pool(self.old, self.new, again=True)
        content.keep_rest(self.old, self.new)
        yield None
        wrong = content.missing(self.old, self.new)
        meant, found = content.digests(self.old), content.digests(self.new)
        wrong += [name for name in meant if found.get(name) != meant[name]]
        if wrong:
            names = ", ".join(sorted(wrong)[:5])
            raise LifecycleError(f"{len(wrong)} data files are not copied: {names}")
        page = files.maintenance_page(self._at(self.source, self.old))
        files.enter_maintenance(self._at(self.target, self.new), page)
        yield f"{len(meant)} data files beside the pool are as they were"

    def make_database(self) -> Lines:
        databases.make(self.journal, self.target, self.tenant.db_name)
        yield None

    def forget_database(self) -> None:
        databases.drop(self.target, self.tenant.db_name, self.mark)

    def make_account(self) -> Lines:
        there = self._at(self.target, self.new)
        if not self.plan["has_account"]:
            databases.make_account(self.journal, there)
        if self.tenant.db_user != self.target.admin_user:
            databases.grant(there)
        yield None

    def forget_account(self) -> None:
        there = self._at(self.target, self.new)
        if not self.plan["has_account"]:
            databases.drop_account(there)
        elif self.tenant.db_user != self.target.admin_user:
            databases.revoke(there)

    def copy_database(self) -> Lines:
        """Copy it whole, and prove that, while the site is open."""
        made = yield from self._copy_tables(None)
        yield from self._compare(made["tables"])
        self.copied = made["tables"]
        yield f"{len(self.copied)} tables are on {self.target}"

    def sync_database(self) -> Lines:
        """Copy the tables that are others now, and prove that all are the same."""
        found = yield from dump.digests(self.source, self.tenant.db_name)
        now = found["tables"]
        other = {name for name in now if now[name] != self.copied.get(name)}
        gone = self.copied.keys() - now.keys()
        databases.drop_tables(self.target, self.tenant.db_name, gone | other)
        if other:
            yield from self._copy_tables(other)
        yield from self._compare(now)
        yield f"{len(other)} of {len(now)} tables were copied again: all are the same"

    def _copy_tables(
        self, only: set[str] | None
    ) -> Generator[str | None, None, dump.Dump]:
        name = self.tenant.db_name
        self.forget_dump()
        self.room.mkdir(parents=True, mode=0o700)
        made = yield from dump.dump(self.source, name, self.room, only)
        parts = [part["file"] for part in made["parts"]]
        yield from dump.load(self.target, name, self.room, parts)
        self.forget_dump()
        return made

    def _compare(self, meant: dict[str, dump.Table]) -> Lines:
        """Raise LifecycleError unless the target has exactly these tables."""
        found = yield from dump.digests(self.target, self.tenant.db_name)
        tables = found["tables"]
        differ = sorted(name for name in meant if tables.get(name) != meant[name])
        if differ:
            raise LifecycleError(
                f"{len(differ)} tables are not the same on {self.target} "
                f"({', '.join(differ[:5])}): let nobody write to the database of a "
                "site that is closed"
            )

    def forget_dump(self) -> None:
        shutil.rmtree(self.room, ignore_errors=True)

    def switch(self) -> Lines:
        self._switch(self.target, self.new)
        yield f"It is at {self.target} and {self.new}"

    def switch_back(self) -> None:
        self._switch(self.source, self.old)

    def _switch(self, server: DatabaseServer, data: Path) -> None:
        with transaction.atomic():
            row = Tenant.objects.select_for_update().get(pk=self.tenant.pk)
            row.server, row.data_path = server, str(data)
            row.save(update_fields=["server", "data_path"])
        self.tenant.server, self.tenant.data_path = server, str(data)

    def purge(self) -> Lines:
        """Make Moodle start at its new place: if it cannot, all goes back."""
        files.clear_caches(self.tenant)
        yield from php.run(self.tenant, PURGE, job=self.job)

    def put_aside(self) -> Lines:
        """Let what it had before be nobody's; what cannot be is told."""
        parts = [self._aside_data] if self.old != self.new else []
        parts += [self._aside_database] if self.source != self.target else []
        for part in parts:
            try:
                yield f"{part()} is put aside: manage.py doctor --fix removes it"
            except VMoodleError as error:
                yield f"Left behind: {error}"

    def _aside_data(self) -> str:
        aside = self.old.with_name(f"{self.old.name}.old-{self.journal.token}")
        content.rename(self.old, aside)
        return str(aside)

    def _aside_database(self) -> str:
        name = self.tenant.db_name
        databases.set_mark(self.source, name, self.mark)
        databases.end_account(self._at(self.source, self.old))
        return f"{self.source}: the database {name}"
