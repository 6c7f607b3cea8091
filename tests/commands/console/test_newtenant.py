"""The page of a new tenant, and the buttons of a tenant's page."""

import html
import re

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils.html import strip_tags

from commands.models import Run
from tenants.files import FilesError
from tenants.models import Journal, Snapshot, Tenant
from tests.commands.lifecycle.conftest import NEW, db_name, settled, template
from tests.pages import text

pytestmark = pytest.mark.django_db
ADD = "/tenants/tenant/add/"
__all__ = ["settled", "template"]  # fixtures


@pytest.fixture
def operator() -> Client:
    user = User.objects.create_user("oscar", is_staff=True)
    wanted = ["operate", "view_tenant", "change_tenant", "view_run"]
    user.user_permissions.set(Permission.objects.filter(codename__in=wanted))
    client = Client()
    client.force_login(user)
    return client


def filled(**changes: str) -> dict[str, str]:
    given = NEW | {"origin": "template", "force_dns": "on", "network": "0"}
    return given | {"db_name": db_name("new"), "db_prefix": "mdl_"} | changes


def test_the_page_starts_what_makes_the_tenant(console, template: Snapshot, settled):
    page = text(console.get(ADD))
    assert f'<option value="{template.name}" selected>' in page

    # What another origin's fields hold was not shown.
    answer = console.post(ADD, filled(template=template.name, source="https://x.org"))

    run = Run.objects.get()
    assert answer["Location"] == f"/commands/run/of/run/{run.pk}/", text(answer)
    assert (run.command, run.actor, run.state) == (
        "lifecycle/Create",
        "alice",
        "running",
    )
    tenant = Tenant.objects.get(shortname="new")
    assert (run.targets, tenant.enabled) == ([tenant.pk], False)
    assert Journal.objects.get().plan["snapshot"] == template.pk


def test_only_checking_makes_nothing(console, template: Snapshot, settled):
    given = filled(template=template.name, check="1", admin_password="Secret-1")

    page = strip_tags(text(console.post(ADD, given)))

    assert "Nothing is made yet" in page
    line = f"createnode --host={NEW['wwwroot']} &#x27;--name=New School&#x27;"
    assert line in strip_tags(page)
    assert "--admin-password-file=FILE" in page
    assert "Secret-1" not in page
    assert Tenant.objects.count() == 1
    assert not Run.objects.exists()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"shortname": "one"}, "Another tenant has this short name."),
        ({"shortname": "one", "wwwroot": "x"}, "Another tenant has this short name."),
        ({"origin": "install"}, "The installer needs an address"),
        ({"origin": "clone"}, "Say which clone to make it from"),
        ({"origin": "register"}, "tell its database and its account"),
        ({"origin": "none"}, "Select a valid choice"),
        ({"wwwroot": "ftp://x"}, "must begin with http"),
        (
            {"force_dns": "", "wwwroot": "https://x.invalid"},
            "set it up, or use 'Even if its host name does not resolve'",
        ),
    ],
)
def test_what_is_wrong_is_told_and_nothing_made(
    console, template: Snapshot, settled, changes, sentence
):
    answer = console.post(ADD, filled(template=template.name, **changes))

    page = html.unescape(text(answer))
    assert "Nothing was made." in page
    assert sentence in page
    assert Tenant.objects.count() == 1
    assert not Run.objects.exists()


def test_the_page_and_what_it_refuses_are_in_french(
    console, template: Snapshot, settled
):
    given = filled(template=template.name, db_name=Tenant.objects.get().db_name)

    answer = console.post(ADD, given, headers={"Accept-Language": "fr"})

    page = html.unescape(text(answer))
    assert ">Modèle<" in page
    assert "Rien n'a été fait." in page
    assert "Une autre instance a cette base." in page


def test_a_run_that_cannot_start_leaves_no_tenant(
    console, template: Snapshot, settled, monkeypatch
):
    def fail(*_given, **_options):
        raise FilesError("no room")

    monkeypatch.setattr(Run, "start", fail)

    page = text(console.post(ADD, filled(template=template.name)))

    assert "no room" in page
    assert Tenant.objects.count() == 1
    assert not Run.objects.exists()


def test_it_takes_two_permissions(operator):
    assert operator.get(ADD).status_code == 403


def do(client: Client, tenant: Tenant, command: str):
    return client.post(f"/commands/run/of/tenant/{tenant.pk}/do/", {"command": command})


@pytest.mark.parametrize(
    ("command", "step"),
    [
        ("Check", "launch"),
        ("Snapshot", "launch"),
        ("Restore", "launch"),
        ("Disable", "confirm"),
        ("Destroy", "launch"),
    ],
)
def test_a_button_prepares_a_run_on_the_tenant(console, rows, command, step):
    [tenant] = rows(1)

    answer = do(console, tenant, f"lifecycle/{command}")

    run = Run.objects.get()
    assert answer["Location"] == f"/commands/run/of/run/{run.pk}/{step}/"
    assert (run.command, run.targets) == (f"lifecycle/{command}", [tenant.pk])


def test_the_buttons_are_those_that_make_sense(console, operator, rows):
    [tenant] = rows(1)
    url = f"/tenants/tenant/{tenant.pk}/change/"
    assert {
        "Restore …",
        "Copy …",
        "Rename …",
        "Move …",
        "Disable",
        "Destroy …",
    } <= buttons(console, url)
    assert buttons(operator, url) == {"Check …", "Snapshot …", "Disable"}
    assert do(operator, tenant, "lifecycle/Destroy").status_code == 403
    tenant.is_main = True
    tenant.save()
    assert "Destroy …" not in buttons(console, url)
    Tenant.objects.update(is_main=False, enabled=False, deleted_at=tenant.created_at)

    assert buttons(console, url) == {"Bring back", "Destroy …", "Snapshots (0)"}


def buttons(client: Client, url: str) -> set[str]:
    page = text(client.get(url)).partition("buttons")[2].partition("<fieldset")[0]
    return set(re.findall(r">([^<>]+)</(?:button|a)>", page))


def test_one_tenant_is_destroyed_by_its_address(console, rows, blind):
    [tenant] = rows(1)
    do(console, tenant, "lifecycle/Destroy")
    url = f"/commands/run/of/run/{Run.objects.get().pk}/confirm/"

    page = text(console.post(url, {"typed": "1"}, follow=True))
    assert f"Type {tenant.wwwroot} to go on: nothing was done" in page
    console.post(url, {"typed": f" {tenant.wwwroot}"})

    assert Run.objects.get().state == Run.State.RUNNING
