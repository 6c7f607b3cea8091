from dataclasses import replace

import pytest

from mnet import binding, keys, networks, rotation, sites
from mnet.errors import MnetError
from mnet.models import Strategy
from tenants.models import DatabaseServer, Tenant
from tests.mnet import tables


def bind(tenants: list[Tenant]) -> None:
    bonds = networks.bonds_of(tenants, tenants, Strategy.all())
    binding.write(binding.differences(sites.read(tenants), bonds))


def stored(tenant: Tenant, name: str) -> str:
    where = "FROM {config_plugins} WHERE plugin = 'mnet' AND name = %s"
    [(value,)] = tables.rows(tenant, f"value {where}", [name])
    return value


def test_new_keys_are_told_to_all_that_know_the_site_and_old_ones_kept(network):
    _main, one, two = tenants = network(3)
    bind(tenants)
    tables.spoil(two, "UPDATE {mnet_host} SET deleted = 1 WHERE wwwroot LIKE '%%t1%%'")
    before = tables.pair(one.wwwroot)

    renewal = rotation.renew(sites.read([one])[one.pk], tenants)

    pair = keys.parse(stored(one, "openssl"))
    assert [tenant.shortname for tenant in renewal.told] == ["t0"]
    assert [old.pair for old in keys.former(stored(one, "openssl_history"))] == [before]
    assert tables.peers(tenants[0])["t1"][1] == pair.certificate != before.certificate
    assert tables.peers(two)["t1"][:2] == [1, before.certificate]
    assert sites.read([one])[one.pk].trouble == ""
    assert renewal.expires == pair.expires


def test_keys_serve_as_long_as_the_registry_or_the_site_says(network):
    [one] = network(1)
    site = sites.read([one])[one.pk]

    assert rotation.lifetime(site) == keys.LIFETIME
    site.settings["mnetkeylifetime"] = "90"
    assert rotation.lifetime(site) == 90
    one.forced_settings = {"mnetkeylifetime": 400}
    assert rotation.lifetime(replace(site, tenant=one)) == 400
    one.forced_settings = {"mnetkeylifetime": "long"}
    with pytest.raises(MnetError, match="give it a number of days"):
        rotation.lifetime(replace(site, tenant=one))


def test_nothing_is_changed_while_a_peer_cannot_be_told(network):
    _main, one, two = tenants = network(3)
    bind(tenants)
    away = DatabaseServer.objects.create(name="away", socket="/nowhere", admin_user="x")
    Tenant.objects.filter(pk=two.pk).update(server=away)
    before = stored(one, "openssl")

    with pytest.raises(MnetError, match="t2.* cannot be told of a new key: .*away"):
        rotation.renew(sites.read([one])[one.pk], Tenant.objects.with_edges())

    assert stored(one, "openssl") == before


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        ("UPDATE {mnet_host} SET public_key = '' WHERE id = 1", "no MNet keys"),
        ("DELETE FROM {config_plugins}", "no MNet keys"),
        ("UPDATE {config_plugins} SET value = 'x@@@@@@@@y'", "not those it tells"),
        ("UPDATE {mnet_host} SET wwwroot = 'http://x' WHERE id = 1", "are of http://x"),
        ("UPDATE {mnet_host} SET public_key_expires = 9 WHERE id = 1", "have expired"),
        ("UPDATE {config} SET value = 'off' WHERE value = 'strict'", "MNet is off"),
        ("DELETE FROM {mnet_host} WHERE id = 1", "no row of its own"),
    ],
)
def test_what_is_wrong_with_a_site_is_told(network, spoil: str, why: str):
    [one] = network(1)
    tables.spoil(one, spoil)

    assert why in sites.read([one])[one.pk].trouble


def test_keys_of_a_former_address_do_not_serve(network):
    [one] = network(1)
    moved = "https://moved.example.org"
    tables.spoil(one, "UPDATE {mnet_host} SET wwwroot = %s WHERE id = 1", [moved])
    one.wwwroot = moved

    assert "another address" in sites.read([one])[one.pk].trouble
