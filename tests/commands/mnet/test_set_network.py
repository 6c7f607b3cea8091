import pytest

from commands.models import Job
from tenants.models import Tenant
from tests.commands.conftest import Manage, assert_refused, states
from tests.commands.mnet.test_init_mnet_node import BOTH
from tests.commands.system.conftest import job_of
from tests.mnet import tables
from tests.mnet.conftest import bind

SET = "mnet/SetNetwork"


def test_former_siblings_forget_it_and_new_ones_know_it(network, finished, asked):
    main, one, two, three = tenants = network(4)
    three.network = 2
    three.save(update_fields=["network"])
    bind(tenants)

    job = job_of(finished(SET, [one], "network=2"))

    assert job.state == Job.State.SUCCEEDED, job.error
    assert job.result == {"network": 2, "before": 1, "changed": 4}
    assert asked["payloads"] == []
    assert {name: known[0] for name, known in tables.peers(one).items()} == {
        "t0": 0,
        "t2": 1,
        "t3": 0,
    }
    assert tables.peers(two)["t1"][::2] == [1, None]
    assert tables.peers(three)["t1"][::2] == [0, BOTH]
    assert tables.peers(main)["t1"][::2] == [0, BOTH]
    one.refresh_from_db()
    assert one.network == 2


def test_minus_one_switches_off_and_all_forget_it(network, finished, asked):
    main, one, _two = tenants = network(3)
    bind(tenants)

    job = job_of(finished(SET, [one], "network=-1"))

    assert job.result == {"network": -1, "before": 1, "changed": 4}
    assert [(name, p["mode"]) for name, _op, p in asked["payloads"]] == [("t1", "off")]
    assert tables.peers(main)["t1"][::2] == [1, None]
    assert {known[0] for known in tables.peers(one).values()} == {1}


def test_a_new_network_is_one_for_all_of_the_run(
    network, asked, manage: Manage, workers, monkeypatch
):
    tenants = network(4)
    monkeypatch.setattr("commands.cli.check_reach", lambda tenants: None)
    Tenant.objects.filter(pk=tenants[3].pk).update(network=6)
    bind(list(Tenant.objects.with_edges().order_by("pk")))

    said = manage("bulksetnetwork", "--network=NEW", "--exclude=*t3*")
    again = manage("bulksetnetwork", "--network=7", "--exclude=*t3*")

    assert said.code == again.code == 0, (said, again)
    assert sorted(Tenant.objects.values_list("network", flat=True)) == [0, 6, 7, 7]
    assert tables.peers(tenants[1])["t2"][::2] == [0, BOTH]
    assert states() == dict.fromkeys(("t1", "t2"), Job.State.SKIPPED)


def test_a_site_without_keys_is_switched_on_first(network, finished, asked):
    main, one = network(2)
    Tenant.objects.filter(pk=one.pk).update(network=-1)
    tables.spoil(one, "UPDATE {mnet_host} SET public_key = '' WHERE id = 1")

    job = job_of(finished(SET, [Tenant.objects.get(pk=one.pk)], "network=0"))

    assert job.state == Job.State.SUCCEEDED, job.error
    assert [p["mode"] for _name, _op, p in asked["payloads"]] == ["strict"]
    assert set(tables.peers(main)) == {"t1"}
    assert job.result["web_opens_rc4"] == "yes"


@pytest.mark.parametrize("network_text", ["-2", "x", "1.5"])
def test_what_is_no_network_is_refused(
    network, manage: Manage, monkeypatch, network_text
):
    [one] = network(1)
    monkeypatch.setattr("commands.cli.check_reach", lambda tenants: None)

    said = manage("set_network", f"--host={one.wwwroot}", f"--network={network_text}")

    assert_refused(said, f"'{network_text}' is no network: give -1, 0, a number or NEW")
