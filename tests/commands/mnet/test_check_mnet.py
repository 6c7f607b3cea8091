"""What is wrong between sites is told; sites that really answer: tests/moodle."""

import pytest

from commands.models import Job
from mnet import binding, networks, sites
from mnet.client import CANNOT_OPEN, Calls
from mnet.errors import MnetError
from mnet.models import Strategy, WebPhp
from mnet.xmlrpc import Fault
from tenants.models import Tenant
from tests.commands.conftest import Manage, states
from tests.commands.system.conftest import job_of
from tests.mnet import tables

CHECK = "mnet/CheckMnet"


def keyswap(calls, caller, wwwroot):
    return tables.pair(wwwroot).certificate


@pytest.fixture
def instead(monkeypatch) -> dict[str, Exception]:
    """Let sites answer calls from their tables; return what some raise instead."""
    raised: dict[str, Exception] = {}

    def services(calls, caller, wwwroot, certificate):
        assert caller.pair == tables.pair(caller.wwwroot)
        assert certificate == tables.pair(wwwroot).certificate
        if wwwroot in raised:
            raise raised[wwwroot]
        tenant = Tenant.objects.with_edges().get(wwwroot=wwwroot)
        known = sites.read([tenant], about=[caller.wwwroot])[tenant.pk]
        return known.peers[caller.wwwroot].services

    monkeypatch.setattr(Calls, "keyswap", keyswap)
    monkeypatch.setattr(Calls, "services", services)
    return raised


@pytest.fixture
def three(network, instead) -> list[Tenant]:
    """Return three bound tenants whose sites answer."""
    tenants = network(3)
    bonds = networks.bonds_of(tenants, tenants, Strategy.all())
    binding.write(binding.differences(sites.read(tenants), bonds))
    return tenants


def test_sites_that_trust_each_other_are_told(three, finished):
    main, one, two = three

    job = job_of(finished(CHECK, [one]))

    assert job.state == Job.State.SUCCEEDED, job.error
    assert job.result == {
        "trusts": [main.wwwroot, two.wwwroot],
        "web_opens_rc4": "yes",
    }
    log = job.text()[0].splitlines()
    assert "web PHP opens RC4: yes" in log
    assert "command-line PHP opens RC4: yes" in log
    job = job_of(finished(CHECK, [one], f"bindhost={two.wwwroot}"))
    assert job.result["trusts"] == [two.wwwroot]


WRONG = {
    "unknown": ("{mnet_host} SET deleted = 1 WHERE id > 2", "t1: it does not know"),
    "key": ("{mnet_host} SET public_key = 'x' WHERE id > 2", "has another certificate"),
    "services": (
        "{mnet_host2service} SET publish = 0",
        "t1: it does not publish sso_idp, to which",
    ),
    "off": (
        "{config} SET value = 'off' WHERE name = 'mnet_dispatcher_mode'",
        "MNet is off on the site",
    ),
    "own key": (
        "{config_plugins} SET value = CONCAT(SUBSTRING_INDEX(value, '@', 1),"
        " '@@@@@@@@x')",
        "private key cannot be read",
    ),
}


@pytest.mark.parametrize(("sql", "says"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_told(sql: str, says: str, three, finished):
    _main, one, two = three
    tables.spoil(one, f"UPDATE {sql}")
    # The sentence names the site by its address.
    says = says.replace("t1:", f"{one.wwwroot}:")

    job = job_of(finished(CHECK, [two], f"bindhost={one.wwwroot}"))

    assert job.state == Job.State.FAILED
    assert "1 of 1 peers and it do not trust each other: " in job.error
    assert says in job.error


def test_a_site_that_does_not_answer_hides_no_other(three, instead, finished):
    main, one, two = three
    instead[main.wwwroot] = MnetError(f"{main.wwwroot}: it cannot be reached")

    job = job_of(finished(CHECK, [one]))

    assert job.error.startswith("1 of 2 peers and it do not trust each other: ")
    assert f"{main.wwwroot}: it cannot be reached" in job.error
    assert f"{two}: each trusts the other" in job.text()[0]


def test_a_peer_whose_php_lacks_rc4_is_told_what_mends_it(
    three, instead, finished, web
):
    _main, one, two = three
    instead[two.wwwroot] = Fault(CANNOT_OPEN, "?")
    web[two.wwwroot] = (WebPhp.Opens.NO, "")

    job = job_of(finished(CHECK, [one], f"bindhost={two.wwwroot}"))

    assert f"{two.wwwroot}: the PHP that serves it has no RC4" in job.error
    assert "Environment=OPENSSL_CONF=" in job.text()[0]
    assert WebPhp.objects.get(tenant=two).opens == "no"
    web[two.wwwroot] = (WebPhp.Opens.YES, "it has a former key in its caches")
    job = job_of(finished(CHECK, [one], f"bindhost={two.wwwroot}"))
    assert job.error.endswith(f"{two.wwwroot}: it has a former key in its caches")


def test_a_site_whose_own_php_lacks_rc4_fails_even_without_peers(
    network, finished, web
):
    [one] = network(1)
    web[one.wwwroot] = (WebPhp.Opens.NO, "")

    job = job_of(finished(CHECK, [one]))

    assert job.state == Job.State.FAILED
    assert job.error.startswith(f"{one.wwwroot}: the PHP that serves it has no RC4")
    assert "web PHP opens RC4: no" in job.text()[0]
    assert "Environment=OPENSSL_CONF=" in job.text()[0]


def test_a_site_that_is_away_is_told_once(three, finished, monkeypatch):
    main, one, two = three
    asked = []

    def away(calls, caller, wwwroot):
        if wwwroot == one.wwwroot:
            asked.append(caller.wwwroot)
            raise MnetError(f"{wwwroot}: it did not answer within 30 seconds")
        return keyswap(calls, caller, wwwroot)

    monkeypatch.setattr(Calls, "keyswap", away)

    job = job_of(finished(CHECK, [one]))

    assert job.error == (
        "2 of 2 peers and it do not trust each other: "
        f"{one.wwwroot}: it did not answer within 30 seconds"
    )
    assert asked == [main.wwwroot]
    assert job.text()[0].count("did not answer") == 1


def test_who_has_nobody_to_trust_is_left_out(network, finished):
    main, one = network(2)
    Tenant.objects.filter(pk=one.pk).update(enabled=False)

    run = finished(CHECK, list(Tenant.objects.with_edges().order_by("pk")))

    assert [(job.state, job.error) for job in run.jobs.order_by("tenant__pk")] == [
        (Job.State.SKIPPED, "its network binds it with no enabled tenant"),
        (Job.State.SKIPPED, "it is disabled, so it answers nobody"),
    ]


def test_the_shell_checks_one_site_or_all(manage: Manage, three, workers, monkeypatch):
    main, one, _two = three
    monkeypatch.setattr("commands.cli.check_reach", lambda tenants: None)
    monkeypatch.setattr(type(one.release), "read_version", lambda release: None)

    said = manage("check_mnet", f"--host={one.wwwroot}", f"--bindhost={main.wwwroot}")

    assert (said.code, said.err) == (0, "")
    assert f"{main.wwwroot}: each trusts the other" in said.out
    assert manage("bulkcheckmnet", "--with-master").code == 0
    assert set(states().values()) == {"succeeded"}
    assert manage("check_mnet", f"--host={one.wwwroot}", "--bindhost=nowhere").code == 2
