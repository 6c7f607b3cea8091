"""Whether two sites trust each other: by what they know, and by calling them.

Each is called as the other would call it: signed with the other's key, sealed with its
certificate. That it answers proves that it knows the other and its certificate, and
that the web server runs the site with the keys that are stored.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from mnet import webphp
from mnet.client import CANNOT_OPEN, Caller, Calls
from mnet.errors import MnetError
from mnet.models import WebPhp
from mnet.sites import Services, Site, digest
from mnet.xmlrpc import Fault


@dataclass
class Proof:
    """What is wrong with pairs of sites."""

    calls: Calls = field(default_factory=Calls)
    # By pk, of each that was asked: whether the PHP that serves it has RC4.
    web: dict[int, WebPhp] = field(default_factory=dict)
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
        own, root = webphp.pairs(site.tenant)[0], peer.wwwroot
        caller = Caller(site.tenant.wwwroot, own)
        webphp.check_told(self._told(caller, root), peer.certificate, root)
        try:
            return self.calls.services(caller, root, peer.certificate)
        except Fault as fault:
            if fault.code != CANNOT_OPEN:
                raise
            raise MnetError(f"{root}: {self._cannot_open(peer)}") from fault

    def _cannot_open(self, peer: Site) -> str:
        """Return why a site does not open what is sealed for its own key."""
        found = self.opens(peer)
        if found.opens == WebPhp.Opens.NO:
            return webphp.NO_RC4
        return found.reason or "it cannot open what is sealed for its own key"

    def opens(self, site: Site) -> WebPhp:
        """Return whether the PHP that serves a site has RC4; it is asked once."""
        pk = site.tenant.pk
        if pk not in self.web:
            self.web[pk] = webphp.look(site, self.calls, self._told)
        return self.web[pk]

    @property
    def lacks_rc4(self) -> bool:
        return any(found.opens == WebPhp.Opens.NO for found in self.web.values())

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
