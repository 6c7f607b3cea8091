"""New keys for a site, and its certificate for all that know it, in one go.

The former pair goes to Moodle's history, with which late messages are still read. No
two sites are left with keys that do not match: if a server that holds a site's peers
is away, nothing is changed.
"""

import socket
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from mnet import keys, sites
from mnet.binding import alone, key_of
from mnet.errors import MnetError
from mnet.sites import Site
from tenants import moodledb
from tenants.models import DatabaseServer, Tenant
from tenants.moodledb import Part
from tenants.serving.boot import forced_settings


@dataclass(frozen=True)
class Renewal:
    """A new key: when it expires, and which sites have been given its certificate."""

    expires: int
    told: Sequence[Tenant]


def renew(site: Site, tenants: Iterable[Tenant]) -> Renewal:
    """Give a site new keys; `tenants`: among these are those that may know it.

    Its caches hold the former ones until they are purged.
    """
    tenant, pair = site.tenant, _pair(site)
    fresh = Site(
        tenant,
        wwwroot=tenant.wwwroot,
        ip_address=_address(tenant.wwwroot),
        certificate=pair.certificate,
        expires=pair.expires,
    )
    others = [other for other in tenants if other.pk != tenant.pk]
    with alone([tenant, *others]):
        knowing = _knowing(tenant, others)
        work: dict[DatabaseServer, list[Part]] = {tenant.server: _own(fresh, pair)}
        for other in knowing:
            part = key_of(other, fresh, revive=False)
            work.setdefault(other.server, []).append(part)
        moodledb.together(work)
    return Renewal(pair.expires, knowing)


def _pair(site: Site) -> keys.Pair:
    owner = keys.Owner(
        wwwroot=site.tenant.wwwroot,
        fullname=site.name,
        email=site.settings.get("noreplyaddress", ""),
    )
    return keys.make(owner, lifetime(site))


def lifetime(site: Site) -> int:
    """Return for how many days a site's keys serve."""
    forced = forced_settings(site.tenant)
    given = forced.get(("", "mnetkeylifetime")) or site.settings.get("mnetkeylifetime")
    if given and not given.isdecimal():
        raise MnetError(f"mnetkeylifetime is {given!r}: give it a number of days")
    return int(given or 0) or keys.LIFETIME


def _address(wwwroot: str) -> str:
    """Return the IP address of a site, as Moodle notes it of itself."""
    try:
        return socket.gethostbyname(urlsplit(wwwroot).hostname or "")
    except OSError:
        return "UNKNOWN"


def _knowing(tenant: Tenant, others: Sequence[Tenant]) -> list[Tenant]:
    """Return the sites that know a tenant; raise MnetError if that is not sure."""
    found = sites.read(others, about=[tenant.wwwroot])
    if away := [site for site in found.values() if site.away]:
        raise MnetError(
            f"{away[0].tenant} may know it, and cannot be told of a new key: "
            f"{away[0].problem}; nothing was changed"
        )
    return [
        site.tenant
        for site in found.values()
        if any(not peer.deleted for peer in site.peers.values())
    ]


def _own(site: Site, pair: keys.Pair) -> list[Part]:
    """Return what stores a pair with its site, and the former one in its history."""
    tenant = site.tenant
    hosts = moodledb.table(tenant, "mnet_host")
    stored = moodledb.plugin_settings(tenant, ["mnet"]).get("mnet", {})
    return [
        *_settings(tenant, {"openssl": pair.stored()} | _history(stored)),
        (
            f"UPDATE {hosts} SET wwwroot = %s, ip_address = %s, public_key = %s,"  # noqa: S608
            f" public_key_expires = %s WHERE id = {sites.own_id(tenant)}",
            [site.wwwroot, site.ip_address, site.certificate, site.expires],
        ),
    ]


def _history(stored: Mapping[str, str]) -> dict[str, str]:
    """Return the history with the pair that was used; one that is none is lost."""
    generations = stored.get("openssl_generations") or ""
    number = int(generations) if generations.isdecimal() else keys.GENERATIONS
    with suppress(MnetError):
        former = keys.parse(stored.get("openssl", ""))
        for history in (stored.get("openssl_history", ""), ""):
            with suppress(MnetError):
                return {"openssl_history": keys.archived(history, former, number)}
    return {}


def _settings(tenant: Tenant, values: Mapping[str, str]) -> list[Part]:
    table = moodledb.table(tenant, "config_plugins")
    return [
        (
            f"INSERT INTO {table} (plugin, name, value) VALUES ('mnet', %s, %s)"  # noqa: S608
            " ON DUPLICATE KEY UPDATE value = VALUES(value)",
            [name, value],
        )
        for name, value in values.items()
    ]
