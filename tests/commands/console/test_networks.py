"""The pages of MNet."""

import re

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from commands.models import Run
from mnet.models import Strategy, WebPhp
from tenants import moodledb
from tenants.models import Tenant
from tests.mnet import tables
from tests.mnet.conftest import bind, network, with_mnet
from tests.tenants.test_admin import filled

__all__ = ["network", "with_mnet"]
OF = "/commands/run/of/"
PAGE = f"{OF}networks/1/"


@pytest.fixture
def console(admin_client: Client) -> Client:
    return admin_client


def text(answer) -> str:
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", answer.content.decode())


def test_a_network_that_is_bound_has_nothing_to_mend(network, console):
    bind(network(3))

    page = text(console.get(PAGE))

    assert "All who can know each other do" in page
    assert page.count(">2 / 2<") == 3
    assert page.count('<td class="is-fine"') == 6
    assert "sso_idp ⇄, sso_sp ⇄" in page
    answer = console.post(f"{PAGE}repair/", follow=True)
    assert "Nothing is wrong that a run could mend." in text(answer)
    assert Run.objects.count() == 0


def test_what_is_wrong_is_shown_on_its_side_and_one_button_mends_it(network, console):
    main, one, two, three = tenants = network(4)
    bind(tenants)
    tables.spoil(one, "UPDATE {mnet_host} SET public_key = 'x' WHERE id = 3")
    tables.spoil(two, "DELETE FROM {mnet_host2service} WHERE hostid = 3")
    tables.spoil(two, "UPDATE {mnet_host} SET deleted = 1 WHERE id = 4")
    tables.spoil(three, "UPDATE {config} SET value = 'off' WHERE value = 'strict'")

    page = text(console.get(PAGE))
    console.post(f"{PAGE}repair/")

    assert "3 sites have something to mend" in page
    assert "has another key of https://t0.example.org" in page
    assert "has other services with https://t0.example.org" in page
    assert "does not know https://t1.example.org" in page
    assert "MNet is off on the site" in page
    for kind, number in {"key": 1, "services": 1, "unknown": 1, "waits": 6}.items():
        assert page.count(f'<td class="is-{kind}"') == number, kind
    run = Run.objects.get()
    assert (run.command, run.state) == ("mnet/InitMnetNode", "draft")
    assert set(run.targets) == {one.pk, two.pk, three.pk}


def test_who_is_deleted_or_off_is_to_be_known_by_nobody(network, console):
    _main, one, two, three = tenants = network(4)
    bind(tenants)
    Tenant.objects.filter(pk=one.pk).update(deleted_at=timezone.now())
    Tenant.objects.filter(pk=two.pk).update(network=-1)

    page = text(console.get(PAGE))
    console.post(f"{PAGE}prove/")

    assert page.count("still knows https://t1.example.org") == 2
    assert page.count("still knows https://t2.example.org") == 2
    assert page.count(">1 / 1<") == 2
    run = Run.objects.get()
    assert (run.command, run.targets[1:]) == ("mnet/CheckMnet", [three.pk])


def test_whose_web_php_lacks_rc4_is_shown_with_what_mends_it(network, console):
    main, one, _two = tenants = network(3)
    bind(tenants)
    now = timezone.now()
    WebPhp.objects.create(tenant=main, opens="no", at=now)
    WebPhp.objects.create(tenant=one, opens="unknown", reason="it is away", at=now)

    page = text(console.get(PAGE))

    assert "1 site has what no run can mend" in page
    assert "All who can know each other do" not in page
    assert "1 site is served by a PHP that opens no message of MNet" in page
    assert "Environment=OPENSSL_CONF=" in page
    assert page.count(">No<") == page.count(">Unknown<") == 1
    assert "it is away" in page
    assert page.count(">not asked<") == 1


def test_a_page_costs_as_many_statements_for_many_as_for_few(
    network, console, monkeypatch, django_assert_max_num_queries
):
    asked = []
    query = moodledb.query
    monkeypatch.setattr(
        moodledb, "query", lambda *given: asked.append(given) or query(*given)
    )
    network(6)

    asked.clear()
    with django_assert_max_num_queries(13):
        text(console.get(PAGE))

    assert len(asked) == 3


def test_networks_are_listed_and_who_is_only_with_the_main_tenant(network, console):
    _main, one, two, three = network(4)
    Tenant.objects.filter(pk=one.pk).update(network=0)
    Tenant.objects.filter(pk=two.pk).update(network=-1)
    bind(list(Tenant.objects.with_edges().order_by("pk")))
    by_hand = "VALUES (4, 0, %s, '', '', '', 0, 0, 0, 0, 0, 0, '', 1, 0)"
    tables.put(one, "{mnet_host} " + by_hand, [three.wwwroot])

    listed = text(console.get(f"{OF}networks/"))
    page = text(console.get(f"{OF}networks/0/"))

    assert f'href="{PAGE}">Sub-network 1' in listed
    assert "MNet is off" in listed
    assert "renewed by themselves 72 hours before they expire" in listed
    assert "t3.example.org</a>" not in page
    assert f"bound by hand: {three.wwwroot}" in page
    assert console.get(f"{OF}networks/9/").status_code == 404


def test_a_tenants_form_leaves_its_network_to_a_run(network, rows, console):
    _main, one = network(2)
    [other] = rows(1)  # its code has no MNet
    form, plain = (f"/tenants/tenant/{t.pk}/change/" for t in (one, other))

    page = text(console.get(form))
    account = {"db_user": "t1", "db_password": "secret"}
    console.post(form, filled(one, network="5", name="New name", **account))
    answer = console.post(f"{OF}tenant/{one.pk}/do/", {"command": "mnet/SetNetwork"})

    assert f'<a href="{PAGE}">Sub-network 1</a>' in page
    assert ">Network …</button>" in page
    assert 'name="network"' not in page
    one.refresh_from_db()
    assert (one.name, one.network) == ("New name", 1)
    run = Run.objects.get()
    assert (run.command, run.targets) == ("mnet/SetNetwork", [one.pk])
    assert answer["Location"] == f"{OF}run/{run.pk}/launch/"
    page = text(console.get(plain))
    assert 'name="network"' in page
    assert ">Network …</button>" not in page


def test_strategies_are_stored_told_and_applied_by_a_run(network, console):
    tenants = network(2)
    Tenant.objects.filter(pk=tenants[1].pk).update(network=-1)

    page = text(console.get(f"{OF}strategies/"))
    ticked = {"main.sso_sp.publish": "on", "subnetwork.pf.both": "on", "x.y.z": "on"}
    console.post(f"{OF}strategies/", ticked)
    answer = console.post(f"{OF}strategies/apply/")

    assert page.count(" checked") == 10
    assert 'name="default.pf.publish"' in page
    assert Strategy.all() == {
        "main": {"sso_sp": (True, False)},
        "subnetwork": {"pf": (True, True)},
        "default": {},
    }
    assert LogEntry.objects.filter(change_message__contains="sso_sp").count() == 1
    run = Run.objects.get()
    assert run.targets == [tenants[0].pk]
    assert answer["Location"] == f"{OF}run/{run.pk}/confirm/"


def test_what_was_changed_is_logged_in_english_by_whoever(network, console):
    network(1)
    french = {"Accept-Language": "fr"}

    console.post(f"{OF}strategies/", {"main.sso_sp.publish": "on"}, headers=french)

    logged = LogEntry.objects.filter(change_message__contains="sso_sp").get()
    assert logged.object_repr == "With the main tenant"


def test_of_two_who_change_the_strategies_the_second_is_told(network, console):
    network(1)
    page = f"{OF}strategies/"
    shown = console.get(page).context["shown"]

    console.post(page, {"shown": shown, "main.sso_sp.publish": "on"})
    told = console.post(page, {"shown": shown}, follow=True)

    assert "Somebody else has changed them meanwhile: look again" in text(told)
    assert Strategy.all()["main"] == {"sso_sp": (True, False)}


@pytest.mark.django_db
def test_who_may_only_look_changes_nothing():
    user = User.objects.create_user("bob", is_staff=True)
    for name in ("view_strategy", "view_tenant"):
        user.user_permissions.add(Permission.objects.get(codename=name))
    client = Client()
    client.force_login(user)

    page = text(client.get(f"{OF}strategies/"))
    posted = client.post(f"{OF}strategies/", {})
    others = [
        client.post(f"{OF}{to}") for to in ("strategies/apply/", "networks/1/repair/")
    ]

    assert page.count(" disabled") == 10
    assert "Save" not in page
    assert [answer.status_code for answer in (posted, *others)] == [403, 403, 403]
    assert Strategy.objects.count() == 0
