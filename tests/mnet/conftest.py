"""A network of sites that are tables only."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mnet import binding, networks, sites
from mnet.models import Strategy
from tenants import moodledb
from tenants.models import Release, Tenant
from tests.mnet import tables


@pytest.fixture
def with_mnet(db, tmp_path: Path) -> Release:
    """Return a release whose code has MNet."""
    tree = tmp_path / "with-mnet"
    for name in ("mnet/lib.php", "auth/mnet/auth.php"):
        (tree / name).parent.mkdir(parents=True)
        (tree / name).touch()
    return Release.objects.create(
        name="4.3", path=str(tree), version="2023100900", release="4.3"
    )


@pytest.fixture
def network(rows, with_mnet: Release) -> Iterator[Callable[..., list[Tenant]]]:
    """Return a function that makes tenants t0, t1, ..., the first of them the main one.

    All others are of sub-network 1. They have MNet keys unless `keys=False`.
    """
    made: list[Tenant] = []

    def make(number: int, *, keys: bool = True) -> list[Tenant]:
        made.extend(rows(number, release=with_mnet, network=1))
        Tenant.objects.filter(pk=made[0].pk).update(is_main=True, network=0)
        for tenant in made:
            moodledb.execute(
                tenant.server,
                f"CREATE DATABASE `{tenant.db_name}` {tables.COLLATION}",
            )
            tables.fill(tenant, own_keys=keys)
        return list(Tenant.objects.with_edges().order_by("pk"))

    yield make
    for tenant in made:
        moodledb.execute(tenant.server, f"DROP DATABASE IF EXISTS `{tenant.db_name}`")


def bind(tenants: list[Tenant]) -> None:
    bonds = networks.bonds_of(tenants, tenants, Strategy.all())
    binding.write(binding.differences(sites.read(tenants), bonds))
