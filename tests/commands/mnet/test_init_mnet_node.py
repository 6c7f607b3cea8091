import pytest

from commands.models import Job
from mnet import networks, sites
from mnet.models import Strategy
from tenants.models import Tenant
from tests.commands.conftest import Manage, states
from tests.commands.system.conftest import job_of
from tests.mnet import tables

INIT = "mnet/InitMnetNode"
BOTH = "sso_idp11,sso_sp11"


def grant(tenant: Tenant) -> None:
    capability = "moodle/site:mnetlogintoremote"
    tables.put(tenant, "{role_capabilities} VALUES (1, 1, 7, %s, 1)", [capability])


def test_a_site_becomes_a_member_of_its_network(network, finished, asked):
    main, one, two = network(3)
    tables.spoil(one, "DELETE FROM {config_plugins}")
    tables.spoil(two, "UPDATE {mnet_host} SET public_key = '' WHERE id = 1")
    asked["answer"] = lambda *_asked: {"changed": ["may go"]}

    job = job_of(finished(INIT, [one]))

    assert job.state == Job.State.SUCCEEDED, job.error
    assert job.result == {
        "changed": ["it has no MNet keys", "may go"],
        "mended": 2,
        "waiting": {two.wwwroot: "it has no MNet keys"},
        "web_opens_rc4": "yes",
    }
    assert asked["payloads"] == [
        ("t1", "mnet", {"mode": "strict", "auth": True, "roles": ["user"]})
    ]
    certificate = sites.read([one])[one.pk].certificate
    assert tables.peers(main)["t1"] == [0, certificate, BOTH]
    assert set(tables.peers(one)) == {"t0"}


def test_jobs_in_any_order_bind_them_all_and_then_there_is_nothing(
    network, finished, asked
):
    tenants = network(3, keys=False)
    for tenant in tenants:
        grant(tenant)

    def switch_on(tenant, *_asked):
        tables.spoil(tenant, "UPDATE {config} SET value = 'strict' WHERE value = 'off'")
        tables.spoil(tenant, "UPDATE {config} SET value = 'mnet' WHERE name = 'auth'")
        return {"changed": ["on"]}

    asked["answer"] = switch_on
    finished(INIT, tenants)
    again = finished(INIT, tenants)

    assert all(len(tables.peers(tenant)) == 2 for tenant in tenants)
    assert {job.error for job in again.jobs.all()} == {"it is bound as it shall be"}
    assert len(asked["payloads"]) == 3


def test_two_may_be_bound_that_are_of_different_networks(network, finished, asked):
    _main, one, two = network(3)
    Tenant.objects.filter(pk=two.pk).update(network=2)
    Strategy.objects.create(kind="default", services={"sso_sp": [True, False]})

    run = finished(INIT, [one, two], f"bindhost={two.wwwroot}/")

    assert set(tables.peers(one)) == {"t2"}
    assert tables.peers(one)["t2"][2] == "sso_sp10"
    assert tables.peers(two)["t1"][2] == "sso_sp01"
    assert states() == {"t1": Job.State.SUCCEEDED, "t2": Job.State.SKIPPED}
    assert run.jobs.get(tenant=one).result["mended"] == 2


def test_a_host_that_is_not_ready_is_told(network, finished, asked):
    _main, one, two = network(3)
    tables.spoil(two, "UPDATE {config} SET value = 'off' WHERE value = 'strict'")

    job = job_of(finished(INIT, [one], f"bindhost={two.wwwroot}"))

    assert job.state == Job.State.FAILED
    assert job.error == (
        "https://t2.example.org cannot be bound: MNet is off on the site: run"
        " start_mnet on it"
    )


def test_the_main_tenant_is_bound_with_all_enabled_ones(
    network, asked, manage: Manage, workers, monkeypatch
):
    main, one, _two = network(3)
    monkeypatch.setattr("commands.cli.check_reach", lambda tenants: None)
    Tenant.objects.filter(pk=one.pk).update(enabled=False)

    said = manage(
        "bulkinitmnet", f"--tohosts={main.wwwroot}", "--bindhost=subs", "--roles=none"
    )

    assert said.code == 0, said
    assert set(tables.peers(main)) == {"t2"}
    assert asked["payloads"] == []


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--bindhost=https://nowhere.example.org"], "No such tenant: https://nowhere"),
        (["--roles=a b"], "roles: Enter a valid value."),
    ],
)
def test_bad_words_are_told(network, manage: Manage, monkeypatch, words, sentence):
    [one] = network(1)
    monkeypatch.setattr("commands.cli.check_reach", lambda tenants: None)

    said = manage("init_mnet_node", f"--host={one.wwwroot}", *words)

    assert said.code == 2
    assert sentence in said.err


def test_who_shall_have_no_mnet_is_left_out(network, finished, asked):
    [one] = network(1)
    Tenant.objects.filter(pk=one.pk).update(network=networks.OFF)

    job = job_of(finished(INIT, [one]))

    assert (job.state, job.error) == (
        Job.State.SKIPPED,
        "its network is -1, MNet is off for it: set its network first",
    )
