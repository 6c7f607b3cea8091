import pytest

from mnet import binding, networks, rotation, sites
from mnet.models import Strategy
from tenants import moodledb
from tenants.models import Tenant
from tests.mnet import tables

BOTH = "sso_idp11,sso_sp11"
CERTIFICATE = {
    name: tables.pair(f"https://{name}.example.org").certificate
    for name in ("t0", "t1", "t2")
}


def changes(tenants: list[Tenant]) -> list[binding.Change]:
    """Return what differs from what the registry says of all of them."""
    bonds = networks.bonds_of(tenants, tenants, Strategy.all())
    return binding.differences(sites.read(tenants), bonds)


def test_a_network_is_bound_both_ways_and_the_second_time_nothing_is_done(network):
    main, one, two = tenants = network(3)

    done = changes(tenants)
    binding.write(done)

    assert {change.kinds for change in done} == {(binding.UNKNOWN,)}
    assert tables.peers(one) == {
        "t0": [0, CERTIFICATE["t0"], BOTH],
        "t2": [0, CERTIFICATE["t2"], BOTH],
    }
    assert (
        set(tables.peers(main))
        == set(tables.peers(two)) ^ {"t0", "t2"}
        == {
            "t1",
            "t2",
        }
    )
    verified = "wwwroot, sslverification, applicationid FROM {mnet_host} WHERE id = 3"
    assert tables.rows(one, verified) == [("https://t0.example.org", 2, 1)]
    assert changes(tenants) == []


def test_what_has_gone_astray_is_told_and_repaired(network):
    main, one, two = tenants = network(3)
    binding.write(changes(tenants))
    tables.spoil(one, "UPDATE {mnet_host} SET public_key = 'x' WHERE id = 3")
    moodledb.execute(
        two.server,
        tables.named(two, "DELETE FROM {mnet_host2service} WHERE hostid = 4"),
    )
    away = tables.named(two, "UPDATE {mnet_host} SET deleted = 1 WHERE id = 3")
    moodledb.execute(two.server, away)

    found = changes(tenants)
    binding.write(found)

    told = {(c.site.tenant.pk, c.other.tenant.pk): c.kinds for c in found}
    assert told == {
        (one.pk, main.pk): (binding.KEY,),
        (two.pk, one.pk): (binding.SERVICES,),
        (two.pk, main.pk): (binding.UNKNOWN,),
    }
    assert changes(tenants) == []
    assert tables.peers(one)["t0"] == [0, CERTIFICATE["t0"], BOTH]


def test_who_is_off_or_has_no_keys_is_bound_to_nobody(network):
    main, one, two = tenants = network(3)
    binding.write(changes(tenants))
    session = "{mnet_session} (mnethostid) VALUES (3), (4)"
    tables.put(main, session)

    one.network = networks.OFF
    moodledb.execute(
        two.server,
        tables.named(two, "UPDATE {config} SET value = 'off' WHERE value = 'strict'"),
    )
    found = changes(tenants)
    binding.write(found)

    assert {change.kinds for change in found} == {(binding.KNOWN,)}
    assert {change.other.tenant.pk for change in found} >= {one.pk}
    assert tables.peers(main)["t1"] == [1, CERTIFICATE["t1"], None]
    assert tables.peers(main)["t2"] == [0, CERTIFICATE["t2"], BOTH]
    assert tables.rows(main, "mnethostid FROM {mnet_session}") == [(4,)]
    assert sites.read([two])[two.pk].trouble == "MNet is off on the site"


def test_the_main_tenant_mirrors_what_a_tenant_gives(network):
    main, one = tenants = network(2)
    services = {"sso_sp": [True, False], "sso_idp": [False, True], "none": [True, True]}
    Strategy.objects.create(kind="main", services=services)

    binding.write(changes(tenants))

    assert tables.peers(one)["t0"][2] == "sso_idp01,sso_sp10"
    assert tables.peers(main)["t1"][2] == "sso_idp10,sso_sp01"
    assert changes(tenants) == []


def test_who_has_single_sign_on_only_is_left_out_of_the_strategies(network):
    main, one, two = tenants = network(3)
    for kind in ("main", "subnetwork"):
        Strategy.objects.create(kind=kind, services={"sso_sp": [True, True]})
    one.metadata = {"services": "default"}

    binding.write(changes(tenants))

    assert {name: peer[2] for name, peer in tables.peers(one).items()} == {
        "t0": BOTH,
        "t2": BOTH,
    }
    for other in (main, two):
        assert tables.peers(other)["t1"][2] == BOTH
    assert tables.peers(two)["t0"][2] == tables.peers(main)["t2"][2] == "sso_sp11"
    assert changes(tenants) == []


def test_who_is_bound_by_hand_keeps_it_and_gets_new_keys(network):
    _main, one, two = tenants = network(3)
    two.network = 2
    bonds = networks.asked_bonds(one, two, Strategy.all())
    binding.write(binding.differences(sites.read(tenants), bonds))
    rotation.renew(sites.read([one])[one.pk], [])

    found = [c for c in changes(tenants) if c.other.tenant.pk == one.pk]
    binding.write(found)

    [fresh] = tables.rows(one, "public_key FROM {mnet_host} WHERE id = 1")
    assert fresh != (CERTIFICATE["t1"],)
    assert [c.kinds for c in found if c.site.tenant.pk == two.pk] == [(binding.KEY,)]
    assert tables.peers(two)["t1"] == [0, *fresh, BOTH]


def test_all_statements_are_done_or_none(network):
    [one] = network(1)
    hosts = moodledb.table(one, "mnet_host")
    good = (f"DELETE FROM {hosts}", ())

    with pytest.raises(moodledb.MoodleDbError, match="nowhere"):
        moodledb.together({one.server: [good, ("DELETE FROM nowhere.at_all", ())]})

    assert tables.rows(one, "COUNT(*) FROM {mnet_host}") == [(2,)]


def test_a_site_that_cannot_be_read_hides_no_other(network):
    _main, one, two = tenants = network(3)
    moodledb.execute(one.server, f"DROP DATABASE `{one.db_name}`")

    found = sites.read(tenants)

    assert "t1" in found[one.pk].problem
    assert found[two.pk].trouble == ""
    assert one.pk not in {c.site.tenant.pk for c in changes(tenants)}


def test_a_tenant_that_goes_is_forgotten_by_all_that_knew_it(network):
    main, one, two = tenants = network(3)
    binding.write(changes(tenants))

    knew = binding.forget(one, [main, two])

    assert [change.site.tenant for change in knew] == [main, two]
    assert tables.peers(main)["t1"][::2] == [1, None]
    assert tables.peers(two)["t1"][::2] == [1, None]
    assert tables.peers(two)["t0"][::2] == [0, BOTH]
    assert binding.forget(one, [main, two]) == []


def test_who_is_known_by_one_side_only_is_bound_or_forgotten(network):
    main, one, two = tenants = network(3)
    binding.write(changes(tenants))
    tables.spoil(one, "UPDATE {mnet_host} SET deleted = 1 WHERE wwwroot LIKE '%%t2%%'")

    found = binding.agree(one)

    assert [(c.site.tenant, c.kinds) for c in found] == [(one, (binding.UNKNOWN,))]
    assert changes(tenants) == []

    Tenant.objects.filter(pk=two.pk).update(network=networks.OFF)
    binding.forget(two, [one])
    told = [(c.site.tenant, c.kinds) for c in binding.agree(two)]
    assert told == [(two, (binding.KNOWN,))]


def test_who_knows_each_other_gets_the_keys_that_each_has(network):
    main, one, two = network(3)
    binding.write(changes([main, one]))
    for tenant in (main, one):
        tables.spoil(tenant, "UPDATE {mnet_host} SET public_key = 'x' WHERE id = 3")

    found = binding.agree(one)

    assert {(c.site.tenant, c.other.tenant) for c in found} == {
        (main, one),
        (one, main),
    }
    assert binding.agree(one) == []
    assert tables.peers(main)["t1"][1] == CERTIFICATE["t1"]
    assert tables.peers(one)["t0"][1] == CERTIFICATE["t0"]
    assert "t2" not in tables.peers(one)
