"""What sites know of MNet: of themselves and of each other. Read by SQL.

A few statements for some fifty tenants of a database server. Private keys stay where
they are: of a pair only the certificate is read.
"""

import hashlib
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from django.utils.translation import gettext as _

from mnet import keys
from mnet.errors import MnetError
from tenants import moodledb
from tenants.models import Release, Tenant
from tenants.moodledb import MoodleDbError, Part, Rows

SETTINGS = ("auth", "mnet_dispatcher_mode", "mnetkeylifetime", "noreplyaddress")
ON, OFF = "strict", "off"

Services = Mapping[str, tuple[bool, bool]]  # publish, subscribe


@dataclass(frozen=True)
class Peer:
    """A row of `mnet_host`: what a site knows of another one."""

    id: int
    deleted: bool
    digest: str  # of the certificate
    expires: int
    services: Services


@dataclass
class Site:
    """A tenant's site, as MNet sees it; `problem` tells why nothing is known of it."""

    tenant: Tenant
    problem: str = ""
    away: bool = False  # that is its server's
    name: str = ""
    wwwroot: str = ""  # of its own row, which its messages are sent from
    ip_address: str = ""
    certificate: str = ""  # of its own row
    expires: int = 0
    signs_with: str = ""  # the certificate of the pair it has
    settings: dict[str, str] = field(default_factory=dict)
    offers: frozenset[str] = frozenset()
    peers: dict[str, Peer] = field(default_factory=dict)  # by wwwroot

    @property
    def on(self) -> bool:
        return self.settings.get("mnet_dispatcher_mode") == ON

    @property
    def trouble(self) -> str:
        """Why nobody can be bound to it now, "" if somebody can."""
        if self.problem:
            return self.problem
        if not self.on:
            return _("MNet is off on the site")
        return self.trouble_with_keys

    @cached_property
    def digest(self) -> str:
        """What others' `Peer.digest` of it is when they have its certificate."""
        return digest(self.certificate)

    @cached_property
    def trouble_with_keys(self) -> str:
        """Why the site needs new keys, "" if it needs none."""
        if not self.certificate or not self.signs_with:
            return _("it has no MNet keys")
        if plain(self.certificate) != plain(self.signs_with):
            return _("its keys are not those it tells of itself")
        if self.wwwroot != self.tenant.wwwroot:
            if not self.wwwroot:
                return _("its keys are of no address")
            return _("its keys are of %(root)s") % {"root": self.wwwroot}
        if not _is_for(self.certificate, self.wwwroot):
            return _("its MNet keys name another address")
        if self.expires <= time.time():
            return _("its MNet keys have expired")
        return ""


def _is_for(certificate: str, wwwroot: str) -> bool:
    """Whether Moodle would take a certificate for this address's own."""
    try:
        return keys.is_for(certificate, wwwroot)
    except MnetError:
        return False


def plain(certificate: str) -> str:
    """Return a certificate without what editors and protocols change in it."""
    return certificate.replace("\r", "").rstrip("\n")


def digest(certificate: str) -> str:
    """Return what `Peer.digest` is of a peer whose certificate this is."""
    return hashlib.sha256(plain(certificate).encode()).hexdigest()


def lacks_mnet(release: Release) -> str:
    """Return why there is no MNet in a code tree, "" if there is."""
    tree = Path(release.path)
    if (tree / "mnet/lib.php").is_file() and (tree / "auth/mnet/auth.php").is_file():
        return ""
    said = _("the code of %(release)s has no MNet, which Moodle has up to 4.5")
    return said % {"release": release}


def read(
    tenants: Iterable[Tenant], about: Collection[str] | None = None
) -> dict[int, Site]:
    """Return the sites of tenants, by pk; of their peers those at some addresses."""
    sites = {
        tenant.pk: Site(tenant, problem=lacks_mnet(tenant.release))
        for tenant in tenants
    }
    for take, parts in (
        (_take_settings, _settings),
        (_take_own, _own),
        (_take_peers, lambda tenant: _peers(tenant, about)),
    ):
        asked = [site.tenant for site in sites.values() if not site.problem]
        for pk, rows in moodledb.each(asked, parts).items():
            if isinstance(rows, MoodleDbError):
                sites[pk].problem, sites[pk].away = str(rows), rows.is_servers
            else:
                take(sites[pk], rows)
    return sites


def _settings(tenant: Tenant) -> list[Part]:
    config, plugins, services = (
        moodledb.table(tenant, name)
        for name in ("config", "config_plugins", "mnet_service")
    )
    name, value = moodledb.utf8("name"), moodledb.utf8("value")
    marks = ", ".join(["%s"] * len(SETTINGS))
    pair = moodledb.utf8(f"SUBSTRING_INDEX(value, '{keys.SEPARATOR}', 1)")
    return [
        (f"1, {name}, {value} FROM {config} WHERE name IN ({marks})", SETTINGS),
        (
            f"2, 'pair', {pair} FROM {plugins}"
            " WHERE plugin = 'mnet' AND name = 'openssl'",
            (),
        ),
        (f"3, {name}, '' FROM {services}", ()),
    ]


def _take_settings(site: Site, rows: Rows) -> None:
    site.settings = {name: value for kind, name, value in rows if kind == 1}
    site.signs_with = "".join(value for kind, _name, value in rows if kind == 2)
    site.offers = frozenset(name for kind, name, _value in rows if kind == 3)


def _own(tenant: Tenant) -> list[Part]:
    course, hosts = (moodledb.table(tenant, name) for name in ("course", "mnet_host"))
    columns = ", ".join(map(moodledb.utf8, ("wwwroot", "ip_address", "public_key")))
    named = moodledb.utf8(f"(SELECT MAX(fullname) FROM {course} WHERE category = 0)")  # noqa: S608
    return [
        (
            f"{named}, {columns}, public_key_expires FROM {hosts}"
            f" WHERE id = {own_id(tenant)}",
            (),
        )
    ]


def own_id(tenant: Tenant) -> str:
    """Return SQL for the id of a site's own row among the hosts."""
    config = moodledb.table(tenant, "config")
    value = "MAX(CAST(value AS UNSIGNED))"
    return f"(SELECT {value} FROM {config} WHERE name = 'mnet_localhost_id')"  # noqa: S608


def _take_own(site: Site, rows: Rows) -> None:
    if not rows:
        site.problem = _(
            "its table mnet_host has no row of its own: reinstall MNet there"
        )
        return
    name, site.wwwroot, site.ip_address, site.certificate, site.expires = rows[0]
    site.name = name or site.tenant.name


def _peers(tenant: Tenant, about: Collection[str] | None) -> list[Part]:
    hosts, given, services = (
        moodledb.table(tenant, name)
        for name in ("mnet_host", "mnet_host2service", "mnet_service")
    )
    listed = (
        "SELECT g.hostid, GROUP_CONCAT(CONCAT(s.name, ':', g.publish, ':',"  # noqa: S608
        f" g.subscribe)) AS services FROM {given} g JOIN {services} s"
        " ON s.id = g.serviceid GROUP BY g.hostid"
    )
    key = "SHA2(TRIM(TRAILING '\n' FROM REPLACE(h.public_key, '\r', '')), 256)"
    which = "1 = 1"
    if about is not None:
        marks = ", ".join(["%s"] * len(about))
        which = f"h.wwwroot IN ({marks})" if about else "1 = 0"
    return [
        (
            f"h.id, {moodledb.utf8('h.wwwroot')}, h.deleted, {moodledb.utf8(key)},"
            f" h.public_key_expires, {moodledb.utf8('l.services')} FROM {hosts} h"
            f" LEFT JOIN ({listed}) l ON l.hostid = h.id"
            f" WHERE h.wwwroot <> '' AND h.id <> {own_id(tenant)} AND {which}",
            list(about or ()),
        )
    ]


def _take_peers(site: Site, rows: Rows) -> None:
    # Moodle takes the first of several rows of an address.
    for number, wwwroot, deleted, key, expires, listed in sorted(rows):
        peer = Peer(number, bool(deleted), key, expires, _services(listed or ""))
        known = site.peers.get(wwwroot)
        if known is None or (known.deleted and not deleted):
            site.peers[wwwroot] = peer


def _services(listed: str) -> Services:
    found = {}
    for item in filter(None, listed.split(",")):
        name, publish, subscribe = item.rsplit(":", 2)
        if (publish, subscribe) != ("0", "0"):
            found[name] = (publish != "0", subscribe != "0")
    return found
