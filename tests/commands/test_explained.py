"""A command tells what it is in the language of its reader."""

import pytest
from django.utils import translation

from commands.base import Command, all_commands, find
from commands.explained import EXAMPLE
from commands.management.commands.upgrade import Command as UpgradeInShell
from commands.models import Run
from tests.commands.conftest import Manage

COMMANDS = [pytest.param(command, id=command.name()) for command in all_commands()]


@pytest.fixture
def french():
    with translation.override("fr"):
        yield


@pytest.mark.parametrize("command", COMMANDS)
def test_every_paragraph_has_a_translation_but_the_example(command: type[Command]):
    with translation.override("en"):
        english = command.help().split("\n\n")
    with translation.override("fr"):
        french = command.help().split("\n\n")

    same = [part for part in english if part in french]
    assert len(french) == len(english)
    assert same == [part for part in english if part.startswith(EXAMPLE)]


def test_a_page_flows_in_french_without_the_example(french):
    page = find("generic/SyncLangCustomisation").flowing()

    assert page == (
        "Copier les chaînes personnalisées d'une instance vers d'autres, toutes ou "
        "aucune.\n\nLes chaînes d'un composant dans une langue y remplacent celles que "
        "la cible avait personnalisées. Ce que la source n'a pas personnalisé reste, "
        "sauf avec <code>prune</code>, qui le retire."
    ).replace("'", "&#x27;")


def test_a_parameter_without_a_label_has_one_that_is_translated():
    upgrade = find("upgrade/Upgrade")

    with translation.override("en"):
        assert upgrade()["cron_wait"].label == "Cron wait"
    with translation.override("fr"):
        assert upgrade()["cron_wait"].label == "Attente du cron"


def test_a_parameter_s_label_is_not_what_the_console_s_buttons_say(french):
    assert find("system/Replace")()["delete"].label == "Supprimer le texte"
    assert translation.gettext("Delete") == "Supprimer"


def test_the_language_of_a_shell_is_that_of_the_time_of_asking(french):
    assert UpgradeInShell().help.startswith("Mettre la base de données du site")
    with translation.override("en"):
        assert UpgradeInShell().help.startswith("Upgrade the site's database")


def test_the_help_of_a_shell_keeps_the_names_of_options(manage: Manage, french):
    said = manage("upgrade", "--help")

    told = " ".join(said.out.split())
    assert "Mettre la base de données du site au niveau du code" in told
    assert "--cron-wait VALUE" in told


def test_an_action_of_the_tenants_is_offered_in_french(admin_client, rows):
    rows(1)

    page = admin_client.get("/tenants/tenant/", headers={"accept-language": "fr"})

    told = "Mettre la base de données du site au niveau du code de sa version."
    assert f"Upgrade: {told}</option>" in page.content.decode()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("choose", "<span>Purger les caches du site.</span>"),
        ("launch", "Activer ou désactiver le mode de maintenance du site.\n\n"),
        ("confirm", ">Activer ou désactiver le mode de maintenance du site.</p>"),
    ],
)
def test_the_pages_of_a_run_explain_it_in_french(
    admin_client, rows, name: str, words: str
):
    targets = [tenant.pk for tenant in rows(1)]
    draft = Run.objects.create(command="generic/Maintenance", targets=targets)

    page = admin_client.get(
        f"/commands/run/of/run/{draft.pk}/{name}/", headers={"accept-language": "fr"}
    )

    assert words in page.content.decode()
