"""A network as it is: who knows whom, for what, and what is wrong with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from mnet import binding, networks, sites
from mnet.binding import Bonds, Change
from mnet.models import Strategy
from mnet.sites import Services, Site
from tenants.models import Tenant

FINE, WAITS, BY_HAND, NONE = "fine", "waits", "byhand", "none"
MOST = 30  # members whose pairs are shown one by one


@dataclass(frozen=True)
class Cell:
    """What one site knows of another: `kind` is one of Change's, or of the above."""

    kind: str
    services: Services = field(default_factory=dict)
    wanted: Services = field(default_factory=dict)


@dataclass
class Member:
    """A site of the network: what it shall know, and what is wrong with it."""

    site: Site
    wanted: int = 0
    waits: int = 0  # of those, how many cannot be bound yet
    changes: list[Change] = field(default_factory=list)
    others: list[str] = field(default_factory=list)  # tenants of no bond that it knows

    @property
    def tenant(self) -> Tenant:
        return self.site.tenant

    @property
    def known(self) -> int:
        """How many of those that it shall know it knows as it shall."""
        wrong = sum(change.services is not None for change in self.changes)
        return self.wanted - self.waits - wrong


@dataclass
class Picture:
    number: int
    members: list[Member]
    cells: list[list[Cell]]  # none when there are too many members

    @property
    def ailing(self) -> list[Member]:
        """Those whose own job has something to mend."""
        return [
            member
            for member in self.members
            if not member.site.problem and (member.site.trouble or member.changes)
        ]


def picture(number: int) -> Picture:
    """Return how a network is, a few statements for some fifty of its sites."""
    everybody = list(Tenant.objects.with_edges())
    gone = [t for t in everybody if t.deleted_at or t.network == networks.OFF]
    there = [t for t in everybody if t not in gone]
    tenants = [t for t in there if t.is_main or t.network == number]
    tenants.sort(key=lambda tenant: not tenant.is_main)
    first = [tenant for tenant in tenants if tenant.is_main]
    pairs = tenants if number > networks.MAIN_ONLY else first
    known = sites.read(tenants)
    bonds = networks.bonds_of(pairs, tenants, Strategy.all())
    for tenant in gone:  # nobody shall know it; it is not asked itself
        known[tenant.pk] = Site(tenant, problem=_("it has no network"))
        bonds |= {(one.pk, tenant.pk): None for one in tenants}
    members = {tenant.pk: Member(known[tenant.pk]) for tenant in tenants}
    for (one, two), services in bonds.items():
        members[one].wanted += services is not None
        waits = known[one].trouble or known[two].trouble
        members[one].waits += services is not None and bool(waits)
    for change in binding.differences(known, bonds):
        members[change.site.tenant.pk].changes.append(change)
    by_root = {tenant.wwwroot: tenant for tenant in there}
    for member in members.values():
        member.others = _by_hand(member.site, by_root)
    shown = list(members.values())
    return Picture(number, shown, _cells(shown, pairs, bonds, members))


def _by_hand(site: Site, by_root: Mapping[str, Tenant]) -> list[str]:
    """Return the tenants that a site knows though they do not belong together."""
    return sorted(
        root
        for root, peer in site.peers.items()
        if not peer.deleted
        and root in by_root
        and networks.kind_of(site.tenant, by_root[root]) is None
    )


def _cells(
    members: Sequence[Member],
    columns: Sequence[Tenant],
    bonds: Bonds,
    by_pk: Mapping[int, Member],
) -> list[list[Cell]]:
    if len(members) > MOST:
        return []
    wrong = {
        (member.tenant.pk, change.other.tenant.pk): change.kinds[0]
        for member in members
        for change in member.changes
    }
    return [
        [_cell(member, by_pk[other.pk], bonds, wrong) for other in columns]
        for member in members
    ]


def _cell(
    member: Member, other: Member, bonds: Bonds, wrong: Mapping[tuple[int, int], str]
) -> Cell:
    pair = member.tenant.pk, other.tenant.pk
    peer = member.site.peers.get(other.tenant.wwwroot)
    has = peer.services if peer and not peer.deleted else {}
    wanted = bonds.get(pair)
    shall = binding.offered(member.site, wanted) if wanted else {}
    if pair in wrong:
        return Cell(wrong[pair], has, shall)
    if wanted is None:
        return Cell(BY_HAND if has else NONE, has)
    waits = bool(member.site.trouble or other.site.trouble)
    return Cell(WAITS if waits else FINE, has, shall)
