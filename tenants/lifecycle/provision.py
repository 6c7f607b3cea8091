"""Make a tenant: its database and account, its data files, its own identity.

The row of the registry comes first: its unique columns decide between two who make the
same host at once. It stays disabled, and needs attention, until all is done.
"""

import json
import secrets
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from tenants import agent, checks, held, moodledb, php
from tenants.backup import content, manifest, snapshots
from tenants.backup.manifest import FILES
from tenants.lifecycle import anonymise, databases, identity, marks, steps
from tenants.lifecycle.steps import LifecycleError, Lines, Step
from tenants.models import Journal, Snapshot, Tenant
from tenants.models.tenant import unpublish

WORK = "create"
UNFINISHED = "its creation has not come to its end"
ENTER = "enter it in the registry"  # the first step, which `reserve` has taken
TEMPLATE, CLONE, INSTALL, REGISTER = "template", "clone", "install", "register"
ORIGINS = (TEMPLATE, CLONE, INSTALL, REGISTER)


@dataclass(frozen=True)
class Plan:
    """How a tenant is made, beside what stands in its row; JSON can hold it."""

    origin: str
    snapshot: int | None = None  # of a template
    source: int | None = None  # of a clone
    make_account: bool = True
    enabled: bool = True
    anonymise: bool = False
    check_login: bool = False
    admin_email: str = ""
    admin_password: str = ""
    # By plugin, "" for the core.
    config: dict[str, dict[str, str]] = field(default_factory=dict)


def reserve(tenant: Tenant, plan: Plan) -> Tenant:
    """Put the row of a tenant that is to be made into the registry."""
    tenant.enabled, tenant.attention = False, UNFINISHED
    try:
        with transaction.atomic():
            held.let_none_begin()  # nor another be entered
            tenant.save()
            tenant.clean()
            Journal.objects.create(
                tenant=tenant, work=WORK, text=json.dumps(asdict(plan)), begun=[ENTER]
            )
    except IntegrityError:
        late = _(
            "%(tenant)s is not made: somebody else has just taken its address, short"
            " name, database or data path"
        )
        raise LifecycleError(late % {"tenant": tenant}) from None
    except ValidationError as error:  # it was checked, but somebody was quicker
        unpublish(tenant.keys())
        why = " ".join(error.messages)
        said = _("%(tenant)s is not made: %(why)s") % {"tenant": tenant, "why": why}
        raise LifecycleError(said) from None
    return tenant


def unfinished(tenant: Tenant) -> Journal | None:
    """Return the journal of a tenant that is still to be made."""
    return Journal.objects.filter(tenant=tenant, work=WORK).first()


def create(journal: Journal, job: int | None = None) -> Lines:
    """Make the tenant; when a step fails, nothing of it is left, nor its row."""
    creation = Creation(journal, job)
    yield from steps.carry_out(journal, creation.steps())
    creation.forget_copy()
    yield from marks.take_off(creation.tenant)
    yield f"{creation.tenant} is there"


def recover(tenant: Tenant) -> str:
    """Undo a creation whose process died; return what could not be undone."""
    journal = unfinished(tenant)
    return steps.take_back(journal, Creation(journal).steps()) if journal else ""


class Creation:
    """The making of one tenant, as its journal tells of it."""

    def __init__(self, journal: Journal, job: int | None = None) -> None:
        self.journal, self.job, self.mark = journal, job, journal.mark
        self.tenant, self.plan = journal.tenant, Plan(**journal.plan)
        self.data = Path(self.tenant.data_path)
        self.keys: list[str] = []

    def steps(self) -> list[Step]:
        page = Step("ask for its login page", self.ask)
        return [
            Step(ENTER, self.enter, self.forget),
            *(self.known() if self.plan.origin == REGISTER else self.new()),
            Step("open the site", self.open),
            *([page] if self.plan.check_login else []),
        ]

    def known(self) -> list[Step]:
        """Return the steps for a site that is there already."""
        settings = Step("set its settings", self.set_config)
        return [
            Step("look at the site", self.look),
            *([settings] if self.plan.config else []),
        ]

    def new(self) -> list[Step]:
        """Return the steps that make a site."""
        copied = [
            Step("load the site", self.load),
            Step("make it a site of its own", self.renew),
            Step("lay out the data files", self.lay_out, self.forget_data),
        ]
        parts: dict[str, Sequence[Step]] = {
            TEMPLATE: copied,
            CLONE: copied,
            INSTALL: [
                Step("lay out the data files", self.lay_out, self.forget_data),
                Step("install Moodle", self.install),
            ],
        }
        source = Step("copy the source", self.copy_source, self.forget_copy)
        return [
            *([source] if self.plan.origin == CLONE else []),
            Step(databases.MAKE, self.make_database, self.forget_database),
            Step(databases.MAKE_ACCOUNT, self.make_account, self.forget_account),
            *parts.get(self.plan.origin, ()),
            Step("settle in Moodle", self.settle),
        ]

    def enter(self) -> Lines:
        """Yield nothing: the row is there already."""
        yield None

    def forget(self) -> None:
        self.tenant.delete()

    def copy_source(self) -> Lines:
        source = Tenant.objects.with_edges().get(pk=self.plan.source or 0)
        if source.held_by:
            raise LifecycleError(f"{source} is busy: wait until its job has ended")
        yield from snapshots.take(
            source,
            Snapshot.Reason.COPY,
            note=self.journal.token,
            label=self.tenant.shortname,
        )
        source.refresh_from_db(fields=["held_by"])
        if source.held_by:
            raise LifecycleError(f"{source} has become busy meanwhile: try again")

    def forget_copy(self) -> None:
        snapshots.forget_begun(self.tenant)
        for copy in Snapshot.objects.filter(
            reason=Snapshot.Reason.COPY, note=self.journal.token
        ):
            snapshots.delete(copy)

    @property
    def snapshot(self) -> Snapshot:
        if self.plan.origin == TEMPLATE:
            return Snapshot.objects.get(pk=self.plan.snapshot or 0)
        return Snapshot.objects.get(
            reason=Snapshot.Reason.COPY, note=self.journal.token
        )

    def make_database(self) -> Lines:
        databases.make(self.journal, self.tenant.server, self.tenant.db_name)
        yield None

    def forget_database(self) -> None:
        databases.drop(self.tenant.server, self.tenant.db_name, self.mark)

    def make_account(self) -> Lines:
        if self.plan.make_account:
            databases.make_account(self.journal, self.tenant)
        databases.grant(self.tenant)
        yield None

    def forget_account(self) -> None:
        # Another one that is made at the same time may have made it.
        if self.plan.make_account and not self.tenant.shares_account():
            databases.drop_account(self.tenant)
        else:
            databases.revoke(self.tenant)

    def load(self) -> Lines:
        server, name = self.tenant.server, self.tenant.db_name
        with ThreadPoolExecutor() as pool:  # the server has most of the work
            keys = [pool.submit(identity.private_key) for _ in identity.LTI_KEYS]
            yield from snapshots.load(self.snapshot, server, name)
            self.keys = [key.result() for key in keys]
        prefix = manifest.read(self.snapshot.path)["prefix"]
        if prefix != self.tenant.db_prefix:
            databases.rename_prefix(server, name, prefix, self.tenant.db_prefix)

    def renew(self) -> Lines:
        found = manifest.read(self.snapshot.path)
        former = {name: found[name] for name in ("wwwroot", "data_path")}
        number = identity.renew(self.tenant, self.keys, **former)
        yield f"The address is replaced in {number} tables"
        if self.plan.anonymise:
            yield f"{anonymise.anonymise(self.tenant)} accounts are anonymous"

    def lay_out(self) -> Lines:
        if content.is_used(self.data):
            raise LifecycleError(f"{self.data} is not empty")
        copied = self.plan.origin in {TEMPLATE, CLONE}
        source = self.snapshot.path / FILES if copied else None
        content.lay_out(self.data, self.mark, source)
        yield None

    def forget_data(self) -> None:
        content.remove(self.data, self.mark)

    def install(self) -> Lines:
        options = [
            "--agree-license",
            # Everybody may read an argument: the real one is set afterwards.
            f"--adminpass={secrets.token_urlsafe(16)}-aA1",
            f"--adminemail={self.plan.admin_email}",
            f"--fullname={self.tenant.name}",
            f"--shortname={self.tenant.shortname}",
            f"--summary={self.tenant.description}",
        ]
        script = "admin/cli/install_database.php"
        yield from php.run(self.tenant, script, options, job=self.job)

    def settle(self) -> Lines:
        """Let Moodle start on it, and do what only its own functions can."""
        others = Tenant.objects.with_edges().exclude(pk=self.tenant.pk)
        main = others.filter(is_main=True).first()
        wants_main = main and main.server == self.tenant.server
        if main and wants_main and not self.plan.admin_password:
            identity.share_admin_password(self.tenant, main)
        given = {
            "admin_email": self.plan.admin_email,
            "admin_password": self.plan.admin_password,
        }
        site = yield from agent.ask(self.tenant, "settle", given, job=self.job)
        if site["wwwroot"] != self.tenant.wwwroot:
            raise LifecycleError(f"the site believes that it is {site['wwwroot']}")
        yield from self.set_config()

    def set_config(self) -> Lines:
        if not self.plan.config:
            return
        settings = {"settings": self._config()}
        try:
            yield from agent.ask(self.tenant, "set_config", settings, job=self.job)
        except agent.AgentNothingToDo as nothing:
            yield str(nothing)

    def _config(self) -> dict[str, dict[str, str]]:
        """Return the settings by the plugin's name that the site keeps them under.

        Most activities keep theirs as `quiz`, and some as `mod_lesson`.
        """
        table = moodledb.table(self.tenant, "config_plugins")
        sql = f"SELECT 1 FROM {table} WHERE plugin = %s AND name = %s"  # noqa: S608
        found: dict[str, dict[str, str]] = {}
        for plugin, values in self.plan.config.items():
            short = plugin.removeprefix("mod_")
            for name, value in values.items():
                known = short != plugin and moodledb.query(
                    self.tenant.server, sql, [short, name]
                )
                found.setdefault(short if known else plugin, {})[name] = value
        return found

    def look(self) -> Lines:
        """Prove that the tenant's row fits an installed site."""
        if not self.data.is_dir():
            raise LifecycleError(f"there is no data directory {self.data}")
        if "version" not in moodledb.config_of(self.tenant, ["version"]):
            raise LifecycleError("there is no installed Moodle in its database")
        options = ["--name=version"]
        yield from php.run(self.tenant, "admin/cli/cfg.php", options, job=self.job)

    def open(self) -> Lines:
        self.tenant.enabled, self.tenant.attention = self.plan.enabled, ""
        self.tenant.save(update_fields=["enabled", "attention"])
        yield None

    def ask(self) -> Lines:
        found = checks.login_page(self.tenant)
        if found.state != checks.OK:
            raise LifecycleError(found.sentence)
        yield found.sentence
