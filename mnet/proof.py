"""Whether two sites trust each other: by what they know, and by calling them.

Each is called as the other would call it: signed with the other's key, sealed with its
certificate. That it answers proves that it knows the other and its certificate, and
that the web server runs the site with the keys that are stored.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from mnet import keys
from mnet.client import CANNOT_OPEN, Caller, Calls
from mnet.errors import MnetError
from mnet.sites import Services, Site, digest, plain
from mnet.xmlrpc import Fault
from tenants import moodledb
from tenants.models import Tenant


@dataclass
class Proof:
    """What is wrong with pairs of sites; `no_rc4`: the sites whose PHP has none."""

    calls: Calls = field(default_factory=Calls)
    no_rc4: set[str] = field(default_factory=set)
    # By wwwroot: the certificate that it tells, or why it tells none.
    told: dict[str, str | MnetError] = field(default_factory=dict)

    def problems(self, one: Site, other: Site) -> list[str]:
        """Return what keeps two sites from trusting each other, a sentence each."""
        found = [
            f"{site.tenant}: {site.trouble}" for site in (one, other) if site.trouble
        ]
        if not found:
            found = [*_unknown(one, other), *_unknown(other, one)]
        if not found:
            services = {}
            for site, peer in ((one, other), (other, one)):
                try:
                    services[site.tenant.pk] = self._ask(site, peer)
                except MnetError as error:
                    found.append(str(error))
            if not found:
                found += _one_sided(one, other, services[one.tenant.pk])
                found += _one_sided(other, one, services[other.tenant.pk])
        return found

    def _ask(self, site: Site, peer: Site) -> Services:
        """Return what a peer says that it gives a site, and takes from it."""
        caller, root = Caller(site.tenant.wwwroot, pair(site.tenant)), peer.wwwroot
        if plain(self._told(caller, root)) != plain(peer.certificate):
            raise MnetError(
                f"{root}: what is served there tells another certificate than the "
                "site's database has: that address leads to another site"
            )
        try:
            return self.calls.services(caller, root, peer.certificate)
        except Fault as fault:
            # It has just told the certificate of the key that is stored.
            if fault.code != CANNOT_OPEN:
                raise
            self.no_rc4.add(root)
            raise MnetError(
                f"{root}: it cannot open what is sealed for its own key: the PHP that "
                "serves it has no RC4 (docs/mnet.md tells what mends that), or it has "
                "a former key in its caches (run purge_caches on it)"
            ) from fault

    def _told(self, caller: Caller, wwwroot: str) -> str:
        """Return the certificate that a site tells of itself; it is asked once."""
        if wwwroot not in self.told:
            try:
                self.told[wwwroot] = self.calls.keyswap(caller, wwwroot)
            except MnetError as error:
                self.told[wwwroot] = error
        told = self.told[wwwroot]
        if isinstance(told, MnetError):
            raise told
        return told


def pair(tenant: Tenant) -> keys.Pair:
    """Return the key pair that a site has; raise MnetError when it has none."""
    stored = moodledb.plugin_settings(tenant, ["mnet"]).get("mnet", {})
    try:
        return keys.parse(stored.get("openssl", ""))
    except MnetError as error:
        raise MnetError(f"{tenant.wwwroot}: {error}") from error


def _unknown(site: Site, other: Site) -> Iterator[str]:
    me, root = site.tenant.wwwroot, other.tenant.wwwroot
    peer = site.peers.get(root)
    if peer is None or peer.deleted:
        yield f"{me}: it does not know {root}: run init_mnet_node on it"
    elif peer.digest != digest(other.certificate):
        yield f"{me}: it has another certificate of {root}: run init_mnet_node on it"


def _one_sided(site: Site, peer: Site, there: Services) -> Iterator[str]:
    """Yield what a site gives or takes and its peer, by its own word, does not."""
    me, root = site.tenant.wwwroot, peer.tenant.wwwroot
    for name, (gives, takes) in sorted(site.peers[root].services.items()):
        given, taken = there.get(name, (False, False))
        if gives and not taken:
            yield f"{root}: it does not subscribe to {name}, which {me} publishes"
        if takes and not given:
            yield f"{root}: it does not publish {name}, to which {me} subscribes"
