"""Sites that are served by something else so far become tenants of the registry.

Nothing but the registry is changed, and what it publishes: a site is served by us when
its code tree is adopted.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from tenants import checks, held, moodledb
from tenants.forms import same_version
from tenants.legacy import PORT, Account, Site
from tenants.lifecycle import databases
from tenants.models import DatabaseServer, Release, Tenant
from tenants.moodledb import MoodleDbError
from tenants.serving import publish
from tenants.serving.boot import PublishError, boot_text
from tenants.wwwroot import clean_wwwroot

TYPES = {"mariadb": "mariadb", "mysqli": "mysqli", "mysql": "mysqli"}
LOCAL = {"", "localhost", "127.0.0.1", "::1"}
# What of a tenant that is there already may be brought up to date.
COMPARED = ("name", "network", "enabled", "db_user", "db_password", "data_path")
TAKEN = {
    "address": _("its address is that of %(other)s"),
    "short name": _("its short name is that of %(other)s"),
    "database": _("its database is that of %(other)s"),
    "data path": _("its data path is that of %(other)s"),
}


def server_of(site: Site) -> DatabaseServer | None:
    """Return the registered server that holds the site's database."""
    for server in DatabaseServer.objects.all():
        same_host = server.host.lower() == site.db_host.lower() or (
            {server.host.lower(), site.db_host.lower()} <= LOCAL
        )
        if site.socket or server.socket:
            # Beside "localhost" PHP does not heed a port.
            local = site.db_host.lower() in {"", "localhost"} or (
                site.db_host.lower() in LOCAL and site.port == server.port
            )
            if server.socket == site.socket or (local and not site.socket):
                return server
        elif same_host and server.port == site.port:
            return server
    return None


def new_server(site: Site, account: Account) -> DatabaseServer:
    """Return a row for the site's server, not yet saved."""
    name = "local" if site.db_host.lower() in LOCAL else site.db_host
    if site.port != PORT:
        name += f"-{site.port}"
    return DatabaseServer(
        name=re.sub(r"[^A-Za-z0-9_-]", "-", name)[:50],
        host=site.db_host or "localhost",
        port=site.port,
        socket=site.socket,
        admin_user=account.user,
        admin_password=account.password,
    )


class Takeover:
    """Sites, each made ready to be entered in the registry, or refused."""

    def __init__(
        self,
        sites: Iterable[Site],
        *,
        release: Release | None = None,
        account: Account | None = None,
        update: bool = False,
    ) -> None:
        self.sites = list(sites)
        self.release, self.account, self.update = release, account, update
        self.releases = list(Release.objects.all())
        self.new_servers: list[DatabaseServer] = []
        self.taken: dict[tuple[str, str], str] = {}
        self.changed: dict[int, list[str]] = {}  # columns, by the tenant's pk
        for site in self.sites:
            self._prepare(site)

    @property
    def ready(self) -> list[Site]:
        return [site for site in self.sites if site.tenant and not site.problems]

    @property
    def refused(self) -> list[Site]:
        return [site for site in self.sites if site.problems]

    def carry_out(self) -> int:
        """Enter what is ready in the registry, all or nothing; return how many."""
        done: list[Tenant] = []
        finished = False
        try:
            with transaction.atomic():
                held.let_none_begin()
                for server in self.new_servers:
                    server.save()
                for tenant in (site.tenant for site in self.ready if site.tenant):
                    done.append(tenant)
                    if tenant.pk:
                        self._update(tenant)
                        continue
                    tenant.server = tenant.server  # its key, now that it is saved
                    tenant.save()
            finished = True
        finally:
            if not finished:
                for tenant in done:
                    _publish_again(tenant.key)
        return len(done)

    def _update(self, tenant: Tenant) -> None:
        """Change what differs, of the row as it is by now: jobs change it as well."""
        row, names = _locked(tenant), self.changed[tenant.pk]
        if why := held.refusal(Tenant.objects.filter(pk=row.pk)):
            raise ValidationError(
                _("%(why)s; nothing was entered"), params={"why": why}
            )
        for name in names:
            setattr(row, name, getattr(tenant, name))
        row.save(update_fields=names)

    def _prepare(self, site: Site) -> None:
        if site.problems:
            return
        try:
            site.fields["wwwroot"] = clean_wwwroot(site.wwwroot)
            there = Tenant.objects.filter(wwwroot=site.wwwroot).first()
            if there:
                self._compare(site, there)
            else:
                self._enter(site)
        except ValidationError as error:
            site.problems.append(_sentence(error))
        except PublishError as error:
            site.problems.append(str(error))
        except MoodleDbError as error:
            site.problems.append(f"{error}: let the site's server answer first")

    def _compare(self, site: Site, there: Tenant) -> None:
        """Tell how a tenant that is there differs from what was found."""
        if there.deleted_at:
            site.notes = ["it is there, but deleted: lifecycle/Enable brings it back"]
            return
        differ = [
            name
            for name in COMPARED
            if name in site.fields
            and site.fields[name] not in ("", getattr(there, name))
        ]
        if not differ:
            site.notes = ["it is there already"]
            return
        words = ", ".join(name.replace("db_", "database ") for name in differ)
        if not self.update:
            site.notes = [f"it is there, with another {words}: --update takes it over"]
            return
        for name in differ:
            setattr(there, name, site.fields[name])
        there.full_clean()
        self.changed[there.pk] = differ
        site.tenant, site.notes = there, [f"to be changed: {words}"]
        if "network" in differ:
            site.notes.append(
                "who knows whom by MNet stays as it is on the sites: the page of its "
                "network tells what differs, init_mnet_node binds it"
            )

    def _enter(self, site: Site) -> None:
        if site.fields["db_type"] not in TYPES:
            raise ValidationError(
                _("its database is %(type)s: VMoodle serves MariaDB and MySQL only"),
                params={"type": site.fields["db_type"]},
            )
        server = self._server(site)
        given = {**site.fields, "db_type": TYPES[site.fields["db_type"]]}
        tenant = Tenant(**given, server=server)
        self._look(site, tenant)
        tenant.release = self._release(tenant)
        self._take(site, tenant)
        tenant.clean()  # makes its key
        exclude = [] if server.pk else ["server"]
        tenant.clean_fields(exclude)
        tenant.validate_unique(exclude)
        tenant.validate_constraints(exclude)
        boot_text(tenant)
        site.tenant = tenant

    def _server(self, site: Site) -> DatabaseServer:
        if known := server_of(site):
            return known
        for server in self.new_servers:
            if (server.host, server.port, server.socket) == (
                *(site.db_host, site.port, site.socket),
            ):
                return server
        if not self.account or not self.account.user:
            raise ValidationError(
                _(
                    "its database server %(host)s:%(port)s is not registered: register"
                    " it, or give --admin-user, an account that may read and write"
                    " every tenant's database"
                ),
                params={"host": site.socket or site.db_host, "port": site.port},
            )
        server = new_server(site, self.account)
        server.full_clean()
        moodledb.wait_until_up(server, 0)
        self.new_servers.append(server)
        return server

    def _look(self, site: Site, tenant: Tenant) -> None:
        """Refuse what is no site; take its names where none are given."""
        if not databases.exists(tenant.server, tenant.db_name):
            raise ValidationError(
                _("there is no database %(name)r"), params={"name": tenant.db_name}
            )
        for check in (checks.database, checks.data):
            found = check(tenant)
            if found.state == checks.FAILED:
                raise ValidationError(str(found))
        table = moodledb.table(tenant, "course")
        sql = f"SELECT fullname, shortname FROM {table} WHERE category = 0"  # noqa: S608
        for full, short in moodledb.query(tenant.server, sql):
            tenant.name = tenant.name or full
            tenant.shortname = tenant.shortname or short
        plain = re.sub("[^A-Za-z0-9_]+", "_", tenant.shortname).strip("_")[:80]
        if plain != tenant.shortname and not re.fullmatch(
            "[A-Za-z0-9_]+(-[A-Za-z0-9_]+)*", tenant.shortname
        ):
            site.notes.append(f"its short name {tenant.shortname!r} becomes {plain}")
            tenant.shortname = plain

    def _release(self, tenant: Tenant) -> Release:
        # Not `config_of`: the row of the server may be a new one.
        table = moodledb.table(tenant, "config")
        sql = f"SELECT value FROM {table} WHERE name = 'version'"  # noqa: S608
        version = next((v for (v,) in moodledb.query(tenant.server, sql)), "")
        if not version:
            raise ValidationError(_("Moodle is not installed in its database"))
        if self.release:
            return self.release
        for release in self.releases:
            if same_version(release.version, version):
                return release
        raise ValidationError(
            _(
                "it is of Moodle %(version)s, and no release is: add its code tree, or"
                " give --release"
            ),
            params={"version": version},
        )

    def _take(self, site: Site, tenant: Tenant) -> None:
        """Refuse what another of these sites has."""
        above = [str(path) for path in Path(tenant.data_path).parents]
        known = [("above", tenant.data_path), *(("data path", path) for path in above)]
        for key in known:
            if key in self.taken:
                said = _("its data path overlaps that of %(other)s")
                raise ValidationError(said, params={"other": self.taken[key]})
        server = f"{tenant.server.name} {tenant.db_name}"
        for what, value in (
            ("address", tenant.wwwroot),
            ("short name", tenant.shortname.lower()),
            ("database", server),
            ("data path", tenant.data_path),
        ):
            if other := self.taken.get((what, value)):
                raise ValidationError(TAKEN[what], params={"other": other})
            self.taken[what, value] = site.label
        self.taken |= {("above", path): site.label for path in above}


def _locked(tenant: Tenant) -> Tenant:
    return Tenant.objects.select_for_update().get(pk=tenant.pk)


def _sentence(error: ValidationError) -> str:
    if hasattr(error, "error_dict"):
        return "; ".join(
            f"{name.replace('_', ' ')}: {' '.join(said)}"
            if name != "__all__"
            else " ".join(said)
            for name, said in error.message_dict.items()
        )
    return "; ".join(error.messages)


def _publish_again(key: str) -> None:
    """Publish what the registry has under a key: perhaps nothing any more."""
    if row := Tenant.objects.with_edges().filter(key=key).first():
        publish.publish(row)
    else:
        publish.unpublish(key)
