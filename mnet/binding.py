"""Who knows whom, and for which services: what differs, and how it is made so.

By SQL on both sides. Moodle caches neither hosts nor their services, so nothing has to
be purged. A second time nothing differs, and nothing is written.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from mnet import networks, sites
from mnet.models import Strategy
from mnet.sites import Services, Site, own_id
from tenants import moodledb
from tenants.models import DatabaseServer, Tenant
from tenants.moodledb import MoodleDbError, Part

LOCK, LOCK_SECONDS = "vmoodle_mnet", 100  # less than a query may take
SOME = 200  # rows in one INSERT: of 2 KB each

UNKNOWN, KEY, SERVICES, KNOWN = "unknown", "key", "services", "known"
WORDS = {
    UNKNOWN: _("does not know {}"),
    KEY: _("has another key of {}"),
    SERVICES: _("has other services with {}"),
    KNOWN: _("still knows {}"),
}
# What a site shall give another, by the pks of both; None: it shall not know it.
Bonds = Mapping[tuple[int, int], Services | None]


@dataclass(frozen=True)
class Change:
    """What differs in what one site knows of another."""

    site: Site
    other: Site
    kinds: tuple[str, ...]
    services: Services | None  # None: those it has

    def said(self) -> str:
        """Return what is wrong with the site, as the end of a sentence."""
        parts = [str(WORDS[kind]).format(self.other.tenant) for kind in self.kinds]
        return ", ".join(parts)


@contextmanager
def alone(tenants: Iterable[Tenant]) -> Iterator[None]:
    """Let nobody else bind tenants of these servers meanwhile.

    On a server that is away nobody can.
    """
    servers = sorted({tenant.server for tenant in tenants}, key=lambda s: s.pk)
    with ExitStack() as held:
        for server in servers:
            try:
                _take(server)
            except MoodleDbError as error:
                if not error.is_servers:
                    raise
            else:
                release = "SELECT RELEASE_LOCK(%s)"
                held.callback(moodledb.query, server, release, [LOCK])
        yield


def _take(server: DatabaseServer) -> None:
    asked = moodledb.query(server, "SELECT GET_LOCK(%s, %s)", [LOCK, LOCK_SECONDS])
    if asked[0][0] != 1:
        raise MoodleDbError(
            f"database server {server.name}: MNet is being bound there by somebody "
            "else: try again"
        )


def differences(known: Mapping[int, Site], bonds: Bonds) -> list[Change]:
    """Return what differs from the bonds.

    A pair is bound when both can be. Of those that are not in the bonds, but know each
    other, the keys are compared.
    """
    found = []
    for (one, two), services in bonds.items():
        site, other = known[one], known[two]
        if site.problem or (services is not None and (site.trouble or other.trouble)):
            continue
        if kinds := tuple(_kinds(site, other, services)):
            found.append(Change(site, other, kinds, services))
    return found + _former_keys(known, bonds)


def _kinds(site: Site, other: Site, services: Services | None) -> Iterator[str]:
    peer = site.peers.get(other.tenant.wwwroot)
    if services is None:
        if _knows(site, other):
            yield KNOWN
    elif peer is None or peer.deleted:
        yield UNKNOWN
    else:
        if peer.digest != other.digest:
            yield KEY
        if peer.services != offered(site, services):
            yield SERVICES


def offered(site: Site, services: Services) -> Services:
    """Return the services that a site has, without those that go neither way."""
    return {
        name: ways
        for name, ways in services.items()
        if name in site.offers and any(ways)
    }


def _former_keys(by_pk: Mapping[int, Site], bonds: Bonds) -> list[Change]:
    by_root = {site.tenant.wwwroot: pk for pk, site in by_pk.items()}
    found = []
    for pk, site in by_pk.items():
        for wwwroot, peer in site.peers.items():
            other = by_root.get(wwwroot)
            if other is None or peer.deleted or (pk, other) in bonds:
                continue
            known = by_pk[other]
            if not known.trouble_with_keys and peer.digest != known.digest:
                found.append(Change(site, known, (KEY,), None))
    return found


def forget(tenant: Tenant, others: Sequence[Tenant]) -> list[Change]:
    """Let a tenant that goes be known by nobody; return who knew it."""
    gone = Site(tenant, problem=gettext("it is deleted"))
    with alone(others):
        known = sites.read(others, about=[tenant.wwwroot])
        bonds = {(other.pk, tenant.pk): None for other in others}
        changes = differences({**known, tenant.pk: gone}, bonds)
        write(changes)
    return changes


def agree(tenant: Tenant) -> list[Change]:
    """Let a tenant and those it knows have each other's keys; return what differed.

    Where only one of two knows the other, both do what the registry says of them.
    """
    registry = Tenant.objects.with_edges()
    me = registry.get(pk=tenant.pk)  # as it is now
    others = list(registry.living().exclude(pk=me.pk))
    with alone([me, *others]):
        known = sites.read([me]) | sites.read(others, about=[me.wwwroot])
        bonds = networks.bonds_of([me], others, Strategy.all())
        changes = differences(known, _one_sided(known, bonds))
        write(changes)
    return changes


def _one_sided(known: Mapping[int, Site], bonds: Bonds) -> Bonds:
    """Return the bonds of which one site knows, and the other does not."""
    return {
        (one, two): services
        for (one, two), services in bonds.items()
        if _knows(known[one], known[two]) != _knows(known[two], known[one])
    }


def _knows(site: Site, other: Site) -> bool:
    peer = site.peers.get(other.tenant.wwwroot)
    return peer is not None and not peer.deleted


def write(changes: Sequence[Change]) -> int:
    """Make it so, all or nothing; return how many rows were changed."""
    by_site: dict[int, list[Change]] = {}
    for change in changes:
        by_site.setdefault(change.site.tenant.pk, []).append(change)
    work: dict[DatabaseServer, list[Part]] = {}
    for group in by_site.values():
        work.setdefault(group[0].site.tenant.server, []).extend(statements(group))
    return moodledb.together(work)


def statements(changes: Sequence[Change]) -> Iterator[Part]:
    """Yield what is to be done in the database of one site."""
    site = changes[0].site
    fresh = [c for c in changes if c.other.tenant.wwwroot not in site.peers]
    for at in range(0, len(fresh), SOME):
        yield _insert(site, [change.other for change in fresh[at : at + SOME]])
    for change in changes:
        if change not in fresh and {UNKNOWN, KEY} & {*change.kinds}:
            yield key_of(site.tenant, change.other)
    by_services: dict[frozenset[tuple[str, tuple[bool, bool]]], list[str]] = {}
    for change in changes:
        if {UNKNOWN, SERVICES} & {*change.kinds} and change.services is not None:
            given = frozenset(offered(site, change.services).items())
            by_services.setdefault(given, []).append(change.other.tenant.wwwroot)
    for services, roots in by_services.items():
        yield from _serve(site.tenant, dict(services), roots)
    if gone := [c.other.tenant.wwwroot for c in changes if KNOWN in c.kinds]:
        yield from _forget(site.tenant, gone)


def _insert(site: Site, others: Sequence[Site]) -> Part:
    hosts, applications = (
        moodledb.table(site.tenant, name) for name in ("mnet_host", "mnet_application")
    )
    moodle = f"COALESCE((SELECT MIN(id) FROM {applications} WHERE name = 'moodle'), 1)"  # noqa: S608
    row = f"(0, %s, %s, %s, %s, %s, 0, 0, 0, 0, 0, '', {moodle}, %s)"
    values: list[object] = []
    for other in others:
        root = other.tenant.wwwroot
        values += [root, other.ip_address, other.name[:80], other.certificate]
        values += [other.expires, 2 if root.startswith("https:") else 0]
    rows = ", ".join([row] * len(others))
    return (
        f"INSERT INTO {hosts} (deleted, wwwroot, ip_address, name, public_key,"  # noqa: S608
        " public_key_expires, transport, portno, last_connect_time, last_log_id,"
        f" force_theme, theme, applicationid, sslverification) VALUES {rows}",
        values,
    )


def key_of(tenant: Tenant, other: Site, *, revive: bool = True) -> Part:
    """Return what stores another site's certificate in the database of a tenant.

    With `revive` it is known again when it was deleted, else it stays so.
    """
    hosts = moodledb.table(tenant, "mnet_host")
    deleted = "deleted = 0, " if revive else ""
    return (
        f"UPDATE {hosts} SET {deleted}public_key = %s, public_key_expires = %s"  # noqa: S608
        f" WHERE wwwroot = %s AND id <> {own_id(tenant)}",
        [other.certificate, other.expires, other.tenant.wwwroot],
    )


def _serve(tenant: Tenant, services: Services, roots: Sequence[str]) -> Iterator[Part]:
    """Yield what gives these peers these services, and no other."""
    hosts, given, known = (
        moodledb.table(tenant, name)
        for name in ("mnet_host", "mnet_host2service", "mnet_service")
    )
    these = f"h.wwwroot IN ({', '.join(['%s'] * len(roots))})"
    yield (
        f"DELETE FROM {given} WHERE hostid IN"  # noqa: S608
        f" (SELECT h.id FROM {hosts} h WHERE {these})",
        roots,
    )
    for name, (publish, subscribe) in sorted(services.items()):
        yield (
            f"INSERT INTO {given} (hostid, serviceid, publish, subscribe)"  # noqa: S608
            f" SELECT h.id, s.id, %s, %s FROM {hosts} h JOIN {known} s ON s.name = %s"
            f" WHERE h.deleted = 0 AND {these}",
            [int(publish), int(subscribe), name, *roots],
        )


def _forget(tenant: Tenant, roots: Sequence[str]) -> Iterator[Part]:
    """Yield what lets peers be known no longer; their rows stay, as of deleted ones.

    Accounts of theirs refer to them.
    """
    hosts, given, sessions = (
        moodledb.table(tenant, name)
        for name in ("mnet_host", "mnet_host2service", "mnet_session")
    )
    these = f"h.wwwroot IN ({', '.join(['%s'] * len(roots))})"
    for table, column in ((given, "hostid"), (sessions, "mnethostid")):
        yield (
            f"DELETE FROM {table} WHERE {column} IN"  # noqa: S608
            f" (SELECT h.id FROM {hosts} h WHERE {these})",
            roots,
        )
    yield f"UPDATE {hosts} h SET h.deleted = 1 WHERE {these}", roots  # noqa: S608
