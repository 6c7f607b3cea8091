"""What is wrong with parameters is told in the language of the reader."""

from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils import translation

from commands.base import UnknownCommand, find
from commands.models import Run, SavedCommand
from commands.shell.options import selection_of
from commands.validation import sentences
from tenants.selection import SelectionError

pytestmark = pytest.mark.django_db


WRONG = [
    ("generic/PurgeCaches", {"muk": "1"}, "n'a pas de paramètre muk (il a\xa0: "),
    ("generic/PurgeCaches", {"muc": "2"}, "muc=2\xa0: donnez muc=1 ou muc=0"),
    ("generic/PurgeCaches", {"": "1"}, "'=1' n'a pas la forme nom=valeur&nom="),
    (
        "generic/PurgeCaches",
        {"more": "100%"},
        "more\xa0: '100%' n'est pas une option\xa0: les options commencent par «\xa0-",
    ),
    ("generic/PurgeCaches", {"more": "--host"}, "'--host' est mis par VMoodle"),
    ("generic/PurgeCaches", {"more": '"'}, "options\xa0: Guillemets non fermés"),
    ("system/Script", {"script": "a%b.php"}, "'a%b.php' n'est pas un script en"),
    (
        "system/Script",
        {"script": "admin/cli/cfg.php", "arguments": "--name=dbpass"},
        "touche un secret, que la liste des processus",
    ),
    (
        "generic/Maintenance",
        {"enable": "1", "disable": "1"},
        "l'un de enable, enablelater, enableold, disable, et non enable et disable",
    ),
    ("generic/SetConfig", {"key": "a", "value": "1", "empty": "1"}, "pas les deux"),
    (
        "generic/SetConfig",
        {"key": "smtppass"},
        "value\xa0: smtppass est secret d'après son nom\xa0: donnez sa valeur",
    ),
    ("generic/SetConfig", {"key": "version"}, "key\xa0: version dit à quel code"),
    ("generic/SetPluginConfig", {"pkey": "a/kid"}, "pkey\xa0: kid distingue ce site"),
    ("generic/CopyTable", {"table": "files"}, "table\xa0: files renvoie à des conten"),
    ("generic/CopyTable", {"select": "a%=1"}, "select\xa0: 'a%=1' n'est pas une cond"),
    ("generic/SetPluginConfig", {"pkey": "core/a"}, "a n'est pas d'un plugin"),
    ("generic/SyncSettings", {"settings": "a%"}, "'a%' ne nomme pas de réglage"),
    ("generic/CopyFile", {"fileid": "x"}, "'x' n'est pas un fichier\xa0: donnez son"),
    ("generic/CopyFileArea", {"fileareaid": "x"}, "'x' n'est pas une zone de fich"),
    ("generic/CopyFile", {"source": "http://a.b"}, "pas cette instance\xa0: http://a"),
    ("generic/CopyFile", {"fileid": "1"}, "source\xa0: Il n'y a pas d'instance princ"),
    ("generic/SyncLangCustomisation", {"langs": "E"}, "'E' n'est pas un nom"),
    ("plugins/Sync", {"cells": "x"}, "'x' n'a pas la forme SITE,SITE LIGNE,LIGNE"),
    ("plugins/Compare", {"plugintype": "%"}, "Un type de plugins est un mot, par"),
    ("plugins/SetState", {"plugin": "%"}, "'%' ne nomme pas de plugin"),
    ("plugins/SetState", {"plugin": "filter/tex"}, "Un filtre a trois états"),
    ("plugins/SetFilterState", {"plugin": "mod/quiz"}, "n'est pas un filtre\xa0: uti"),
    ("courses/CreateCategory", {"path": "a//b"}, "Un nom du chemin est vide"),
    ("courses/DeleteCourse", {"fullname": "%%"}, "'%%' convient à tous les cours"),
    ("courses/DeleteCourse", {}, "Donnez l'un de shortname, idnumber, fullname"),
    ("courses/RestoreCourse", {"location": "/a.mbz"}, "pas de fichier /a.mbz"),
    ("lifecycle/Move", {}, "Dites vers où\xa0: to_server, data_path ou les deux"),
    ("lifecycle/Move", {"to_server": "x"}, "de données x (il y a\xa0: "),
    ("lifecycle/Restore", {"snapshot": "x"}, "Il n'y a pas d'instantané x"),
    ("mnet/SetNetwork", {"network": "x"}, "'x' n'est pas un réseau\xa0: donnez -1"),
    ("mnet/CheckMnet", {"bindhost": "http://a.b"}, "donnez un wwwroot du registre"),
    ("mnet/InitMnetNode", {"bindhost": "http://a.b"}, "registre, ou «\xa0subs\xa0»"),
    ("system/Backup", {"courseid": "1", "courseshortname": "a"}, "Nommez un cours"),
    ("system/DeleteUsers", {"rules": "%"}, "'%' n'est pas une règle\xa0: type:champ:"),
    ("system/FixSiteAdmins", {"userscheme": "%"}, "'%' convient à tous\xa0: donnez"),
    ("system/Replace", {"search": "a"}, "Donnez soit le texte à mettre, soit dele"),
    (
        "system/Replace",
        {"search": "a", "replace": "ab"},
        "Le nouveau texte est plus long que l'ancien",
    ),
    (
        "system/ResetPassword",
        {"password": " a"},
        "Il ne peut ni commencer ni finir",
    ),
    ("system/SwitchDomain", {"domain": "a.b:1"}, "'a.b:1' n'est pas un domaine"),
    ("system/MysqlEngine", {}, "Donnez l'un de engine, list et available"),
    ("system/UninstallPlugins", {}, "Choisissez l'un de "),
    ("sql/Sql", {"sql": "DELETE FROM {user} WHERE id = 1"}, "données\xa0: il faut wr"),
    ("sql/Sql", {"sql": "SELECT 1", "write": "1"}, "Rien n'écrit ici\xa0: omettez"),
    (
        "sql/Sql",
        {"sql": "SELECT 1", "parameters": "a&b"},
        "écrivez & dans une valeur comme %26",
    ),
    ("sql/Sql", {"sql": "SHOW TABLES"}, "sql\xa0: 'SHOW' ne commence aucune instruct"),
    ("sql/MultiSql", {"sql": "DROP TABLE {config}"}, "sql\xa0: DROP n'est pas possib"),
    ("sql/Sql", {"sql": "SELECT 1; SELECT 2"}, "Seule la dernière instruction peut"),
    (
        "upgrade/Upgrade",
        {"to_release": "9"},
        "pas de version 9 (noms connus\xa0: aucun)",
    ),
]


def answer(command: str, **given: str) -> str:
    try:
        form = find(command).from_attributes(urlencode(given))
    except ValidationError as error:
        return " ".join(error.messages)
    return " ".join(sentences(form))


@pytest.mark.parametrize(("command", "given", "told"), WRONG, ids=str)
def test_what_is_wrong_with_a_parameter_is_told_in_french(command, given, told):
    with translation.override("fr"):
        assert told in answer(command, **given)


def test_a_command_that_there_is_not_is_told_in_french():
    with translation.override("fr"):
        with pytest.raises(UnknownCommand, match="vouliez-vous dire generic/PurgeCa"):
            find("generic/PurgeCache")
        with pytest.raises(
            UnknownCommand, match="«\xa0manage.py commands\xa0» les liste"
        ):
            find("%")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("'", '"\'" ne peut pas être découpé\xa0: Guillemets non fermés'),
        ("--tags=a b", "arguments inconnus\xa0: --tags=a b"),
        ("--tag=,", "--tag est vide\xa0: omettez-le"),
        ("--from-file=/etc/passwd", "--from-file est pour un shell"),
        ("--in-run=7", "Il n'y a pas d'exécution 7"),
    ],
)
def test_what_is_wrong_with_a_selection_is_told_in_french(text, told):
    with translation.override("fr"), pytest.raises(SelectionError) as refused:
        selection_of(text)

    assert told in str(refused.value)


def test_a_saved_command_with_a_password_is_refused_in_french():
    kept = SavedCommand(command="system/ResetPassword")

    with translation.override("fr"):
        with pytest.raises(ValidationError) as refused:
            kept.clean()
        [told] = refused.value.messages

    assert told.startswith("system/ResetPassword prend password, qui n'est jamais")


@pytest.fixture
def french() -> Iterator[dict[str, dict[str, str]]]:
    """Return what a French browser sends; its language would stay with the thread."""
    with translation.override("en"):
        yield {"headers": {"accept-language": "fr"}}


def test_pages_answer_a_french_browser_in_french(
    console, rows, probe, monkeypatch, french
):
    monkeypatch.setattr(probe, "dangerous", True)
    pks = [tenant.pk for tenant in rows(2)]
    probing = Run.objects.create(command="commands/Probe", targets=pks, actor="x")
    closing = Run.objects.create(command="generic/Maintenance", targets=pks, actor="x")
    nobody = Run.objects.create(command="generic/PurgeCaches", targets=[], actor="x")

    def posted(page: str, run: Run, data: dict[str, str]) -> str:
        at = reverse(f"admin:commands_run_{page}", args=[run.pk])
        return console.post(at, data, **french).content.decode()

    confirmation = posted("confirm", probing, {"typed": "3"})
    launch = posted("launch", closing, {"enable": "1", "disable": "1"})
    assert "Tapez 2 pour continuer\xa0: rien n&#x27;a été fait" in confirmation
    assert "<title>commands/Probe\xa0: 2 instances |" in confirmation
    assert "et non enable et disable" in launch
    assert "Aucune instance n&#x27;est choisie" in posted("confirm", nobody, {})
