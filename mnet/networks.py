"""Networks: who shall know whom, as the registry says.

-1: MNet is off. 0: with the main tenant only. n: with the main tenant and with all
others of sub-network n.
"""

from collections.abc import Iterable, Sequence

from mnet.models import STANDARD, Strategies, Strategy, mirrored
from mnet.sites import Services
from tenants.models import Tenant

OFF, MAIN_ONLY = -1, 0
Kind = Strategy.Kind


def kind_of(one: Tenant, other: Tenant) -> Kind | None:
    """Return how two tenants belong together; None when they do not."""
    gone = one.deleted_at or other.deleted_at
    if one.pk == other.pk or gone or OFF in (one.network, other.network):
        return None
    if one.is_main or other.is_main:
        return Kind.MAIN
    return Kind.SUBNETWORK if one.network == other.network > 0 else None


def given(one: Tenant, other: Tenant, kind: str, strategies: Strategies) -> Services:
    """Return what the first of two tenants gives the other."""
    if kind != Kind.DEFAULT and (one.has_sign_on_only or other.has_sign_on_only):
        return STANDARD
    services = strategies[kind]
    return mirrored(services) if kind == Kind.MAIN and one.is_main else services


def bonds_of(
    tenants: Iterable[Tenant], others: Sequence[Tenant], strategies: Strategies
) -> dict[tuple[int, int], Services | None]:
    """Return what these tenants and the others shall give each other, both ways.

    A tenant that is off, or deleted, shall be known by nobody.
    """
    bonds: dict[tuple[int, int], Services | None] = {}
    for one in tenants:
        for other in others:
            if one.pk == other.pk:
                continue
            if kind := kind_of(one, other):
                bonds[one.pk, other.pk] = given(one, other, kind, strategies)
                bonds[other.pk, one.pk] = given(other, one, kind, strategies)
            elif any(t.network == OFF or t.deleted_at for t in (one, other)):
                bonds[one.pk, other.pk] = bonds[other.pk, one.pk] = None
    return bonds


def asked_bonds(
    one: Tenant, other: Tenant, strategies: Strategies
) -> dict[tuple[int, int], Services | None]:
    """Return what two tenants give each other because somebody wants them bound."""
    kind = kind_of(one, other) or Kind.DEFAULT
    there = given(one, other, kind, strategies)
    return {(one.pk, other.pk): there, (other.pk, one.pk): mirrored(there)}
