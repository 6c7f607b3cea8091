"""The console speaks French to a browser that asks for it."""

import re

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from commands.models import Run
from tenants.models import Snapshot
from tests.browser.conftest import choose, shoot

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
]
PAGES = {
    "/": "Parc",
    "/tenants/tenant/": "3 instances",
    "/tenants/tenant/add/": "De quoi elle est faite",
    "/tenants/release/": "Ajouter version",
    "/tenants/release/add/": "Répertoire de l'arborescence de code",
    "/tenants/databaseserver/": "1 serveur de bases de données",
    "/tenants/databaseserver/add/": "Nom d'hôte ou adresse.",
    "/tenants/snapshot/": "0 instantanés",
    "/commands/run/": "0 exécutions",
    "/commands/savedcommand/": "La page d'une exécution terminée garde sa commande",
}

# With the label of a parameter, and the end of the description.
COMMANDS = [
    ("upgrade/Upgrade", "Attente du cron", "ne rencontre jamais l'ancienne base"),
    ("system/UninstallPlugins", "Lister les disparus", "met à niveau de lui-même"),
    ("generic/CopyTable", "Garder les id (keep_ids)", "fichiers sont refusées"),
    ("sql/MultiSql", "Secondes au plus", "faites purger les caches"),
]


@pytest.fixture
def french(page: Page) -> Page:
    page.set_extra_http_headers({"Accept-Language": "fr"})
    return page


@pytest.mark.parametrize(("address", "word"), PAGES.items())
def test_pages_are_in_french(french: Page, look, rows, address: str, word: str):
    rows(3)

    french.goto(address)

    expect(french.locator("html")).to_have_attribute("lang", "fr")
    expect(french.locator("#content")).to_contain_text(word)
    shoot(french, "fr-" + (address.strip("/").replace("/", "-") or "home"))
    look()


def test_a_form_with_a_date_is_saved_in_french(french: Page, rows):
    [tenant] = rows(1)
    until = timezone.now().replace(second=0, microsecond=0)
    snapshot = Snapshot.objects.create(
        name="t0-1", tenant=tenant, wwwroot=tenant.wwwroot, keep_until=until
    )
    french.goto(f"/tenants/snapshot/{snapshot.pk}/change/")

    french.fill("#id_note", "avant la rentrée")
    french.click("input[name=_continue]")

    expect(french.locator(".messagelist")).to_contain_text("t0-1")
    snapshot.refresh_from_db()
    assert (snapshot.note, snapshot.keep_until) == ("avant la rentrée", until)


@pytest.mark.parametrize(("command", "label", "about"), COMMANDS)
def test_a_command_explains_itself_in_french(
    french: Page, look, rows, command: str, label: str, about: str
):
    targets = [tenant.pk for tenant in rows(2)]
    draft = Run.objects.create(command=command, targets=targets)

    french.goto(f"/commands/run/of/run/{draft.pk}/launch/")

    expect(french.locator(".help-text")).to_contain_text(about)
    expect(french.locator("#content")).to_contain_text(label)
    shoot(french, "fr-" + command.lower().replace("/", "-"))
    look()


def test_the_commands_are_listed_in_french(french: Page, look, rows):
    draft = Run.objects.create(targets=[tenant.pk for tenant in rows(2)])

    french.goto(f"/commands/run/of/run/{draft.pk}/choose/")

    expect(french.locator("#content")).to_contain_text("Purger les caches du site.")
    shoot(french, "fr-choose")
    look()


def test_a_comparison_explains_itself_in_french(french: Page, look, rows):
    rows(2)

    french.goto("/commands/run/of/compare/generic/CompareSettings/")

    expect(french.locator(".help-text")).to_contain_text("Mettre côte à côte")
    expect(french.locator("#content")).to_contain_text("Réglages")
    shoot(french, "fr-compare")
    look()


def test_a_run_is_followed_in_french(french: Page, look, work, add_tenant):
    add_tenant("one")
    choose(french, ["one.example.org"], "upgrade_upgrade")
    shoot(french, "fr-form")
    look()
    french.select_option("#id_to_release", "4.3")
    french.click("text=Revoir pour 1 instance")
    expect(french.locator("#content")).to_contain_text("La liste est figée")
    shoot(french, "fr-confirm")
    look()

    french.click("text=Exécuter sur 1 instance")
    expect(french.locator("h1")).to_contain_text("En cours")
    shoot(french, "fr-running")
    work().join()

    expect(french.locator("h1")).to_contain_text("Terminée")
    expect(french.locator("#live")).to_contain_text("1 Réussi")
    expect(french.locator("#live")).to_contain_text(re.compile(r"\d,\d s"))
    shoot(french, "fr-run")
    look()
    french.click(".jobs >> text=one.example.org")
    expect(french.locator("#log")).to_contain_text("-->mod_forum")
    shoot(french, "fr-job")
    look()
