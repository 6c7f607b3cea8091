"""Processes are killed while sites are bound, or get new keys; all agree in the end."""

import signal
from pathlib import Path

import pytest

from mnet import networks, sites
from mnet.picture import picture
from tenants import agent, moodledb
from tenants.models import DatabaseServer, Tenant
from tests.commands.mnet.test_init_mnet_node import BOTH, grant
from tests.conftest import RunOf
from tests.faults.conftest import reap
from tests.faults.victim import run_in_a_fork
from tests.mnet import tables
from tests.mnet.conftest import bind

pytestmark = pytest.mark.django_db(transaction=True)
Three = tuple[Tenant, Tenant, Tenant]
BEFORE = "before:tenants.moodledb.together"
VERSION = """<?php
$version = 2023100900.00;
$release = '4.3';
$branch = '403';
"""


@pytest.fixture
def three(network, asked, second_server: DatabaseServer, tmp_path: Path):
    """Return the main tenant, and two siblings; the last one is on another server."""
    (tmp_path / "with-mnet/version.php").write_text(VERSION)
    *_others, two = network(3)
    Tenant.objects.filter(pk=two.pk).update(server=second_server)
    made = list(Tenant.objects.with_edges().order_by("pk"))
    create = f"CREATE DATABASE `{two.db_name}` {tables.COLLATION}"
    moodledb.execute(second_server, create)
    tables.fill(made[2])
    for tenant in made:
        grant(tenant)
    yield tuple(made)
    moodledb.execute(second_server, f"DROP DATABASE `{two.db_name}`")


@pytest.fixture
def purged(monkeypatch) -> list[str]:
    """Return the short names of the sites whose caches were purged by the reaper."""
    asked: list[str] = []

    def read(tenant: Tenant, *_asked):
        asked.append(tenant.shortname)
        raise agent.AgentNothingToDo("it is so already")

    monkeypatch.setattr(agent, "read", read)
    return asked


def kill(place: str, command: str, tenant: Tenant) -> None:
    ended = run_in_a_fork(place, command, f"--host={tenant.wwwroot}")
    assert ended == -signal.SIGKILL


def assert_all_agree(three: Three) -> None:
    """Check that each has the others' keys, by what the page of the network tells."""
    assert [member.tenant for member in picture(1).ailing] == []
    known = sites.read(three)
    for site in known.values():
        assert site.trouble == ""
        for other in known.values():
            if other is not site:
                assert site.peers[other.tenant.wwwroot].digest == other.digest


def said() -> list[str]:
    """Return what the page of the network tells to be wrong."""
    return [
        f"{member.tenant.shortname} {change.said()}"
        for member in picture(1).members
        for change in member.changes
    ]


@pytest.mark.parametrize(
    "place", ["before:mnet.binding.write", "commit:2", "after:mnet.binding.write"]
)
def test_sites_whose_binding_is_killed_are_bound_or_not_at_all(
    place: str, three: Three, purged, finished: RunOf
):
    main, one, two = three
    bind([main, two])
    whole = not place.startswith("before")

    kill(place, "init_mnet_node", one)
    half = [f"t2 does not know {one}"]
    assert said() == half or place != "commit:2"
    reap()

    assert purged == ["t1"]
    none = [f"t0 does not know {one}", f"t1 does not know {main}"]
    none += [f"t1 does not know {two}", *half]
    assert sorted(said()) == ([] if whole else sorted(none))
    ailing = [member.tenant for member in picture(1).ailing]
    run = finished("mnet/InitMnetNode", ailing or [one])
    assert run.counts()["skipped" if whole else "succeeded"], run.jobs.get().error
    assert_all_agree(three)
    assert tables.peers(two)["t1"][::2] == [0, BOTH]


def test_a_move_to_another_network_that_is_killed_half_way_is_undone(
    three: Three, purged, finished: RunOf
):
    main, one, two = three
    bind(list(three))

    ended = run_in_a_fork(
        "commit:2", "set_network", f"--host={one.wwwroot}", "--network=2"
    )
    assert ended == -signal.SIGKILL
    assert said() == [f"t1 does not know {two}"]
    reap()

    assert_all_agree(three)
    run = finished("mnet/SetNetwork", [one], "network=2")
    assert run.counts()["succeeded"] == 1, run.jobs.get().error
    assert tables.peers(two)["t1"][0] == 1
    assert tables.peers(main)["t1"][::2] == [0, BOTH]


@pytest.mark.parametrize(
    "place",
    ["before:tenants.moodledb.together", "commit:2", "after:mnet.rotation.renew"],
)
def test_keys_whose_renewal_is_killed_are_known_to_all_or_to_nobody(
    place: str, three: Three, purged, finished: RunOf
):
    _main, one, two = three
    bind(list(three))
    before = tables.pair(one.wwwroot).certificate
    assert networks.kind_of(one, two) == networks.Kind.SUBNETWORK

    kill(place, "renew_mnetkeys", one)
    if place == "commit:2":  # the server of the site has it, the other one not
        assert said() == [f"t2 has another key of {one}"]
    reap()

    assert purged == ["t1"]
    renewed = sites.read([one])[one.pk].certificate != before
    assert renewed is (place != BEFORE)
    assert_all_agree(three)
    again = finished("mnet/RenewMnetKeys", [one])
    assert again.counts()["succeeded"] == 1, again.jobs.get().error
    assert_all_agree(three)
