"""What a form or a page refuses is told in the reader's language."""

from pathlib import Path

import pytest
from django.contrib.messages import get_messages
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import translation

from mnet import sites as mnet_sites
from mnet.models import Strategy
from tenants import checks, held, moodledb, nodelist
from tenants.backup import manifest
from tenants.forms import NewTenantForm
from tenants.legacy import Site
from tenants.lifecycle.databases import MAKE
from tenants.lifecycle.provision import Plan, reserve
from tenants.lifecycle.steps import LifecycleError
from tenants.models import Checkup, DatabaseServer, Journal, Release, Tenant
from tenants.php import PhpError
from tenants.selection import Selection, SelectionError
from tenants.serving import boot, subpath
from tenants.takeover import Takeover
from tenants.wwwroot import clean_wwwroot
from tests.pages import LIST, filled, text

pytestmark = pytest.mark.django_db
NEW = {"wwwroot": "https://new.example.org", "name": "New", "shortname": "new"}


@pytest.fixture(autouse=True)
def french():
    with translation.override("fr"):
        yield


def page(answer) -> str:
    return text(answer).replace("&#x27;", "'").replace("&quot;", '"')


def asking_in_french(console: Client) -> Client:
    console.defaults["HTTP_ACCEPT_LANGUAGE"] = "fr"
    return console


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ("ftp://a.org", "'ftp://a.org' doit commencer par http:// ou https://"),
        ("http://a.org:x", "'http://a.org:x' n'est pas une URL\xa0: Port could not"),
        ("http://u:p@a.org", "ne contient ni nom d'utilisateur ni mot de passe"),
        ("http://a.org?x=1", "ne doit contenir ni requête ni fragment"),
        ("http://straße.de", "'straße.de' a deux lectures"),
        ("http://a..org", "'a..org' n'est pas un nom d'hôte"),
        ("http://a.org/x/y", "/x/y n'est pas un sous-chemin"),
    ],
)
def test_an_address(wrong, sentence):
    with pytest.raises(ValidationError) as refused:
        clean_wwwroot(wrong)

    assert sentence in refused.value.messages[0]


@pytest.mark.parametrize(
    ("given", "field", "sentence"),
    [
        ({}, "__all__", "Dites de quoi la faire"),
        ({"origin": "clone"}, "__all__", "Dites de quelle instance faire la copie"),
        ({"origin": "template"}, "__all__", "Dites d'après quel modèle la faire"),
        ({"template": "x"}, "template", "Il n'y a pas de modèle x (connus\xa0: aucun)"),
        ({"origin": "install"}, "admin_email", "L'installateur a besoin d'une adresse"),
        ({"origin": "register"}, "__all__", "donnez sa base et son compte"),
        (
            {"origin": "register", "anonymise": "1"},
            "__all__",
            "Seule une copie peut être rendue anonyme",
        ),
        (
            {"origin": "register", "db_user": "a", "db_name": "a"},
            "server",
            "Il n'y a pas de serveur de bases de données",
        ),
    ],
)
def test_the_form_of_a_new_tenant(releases, given, field, sentence):
    form = NewTenantForm(NEW | given)

    assert sentence in form.errors[field][0]


def test_what_stands_in_the_way_of_a_new_tenant(server, releases):
    given = {"origin": "register", "db_user": "a", "db_name": "nowhere"}

    form = NewTenantForm(NEW | given | {"release": "4.2"})

    assert form.errors["db_name"] == ["db1 n'a pas de base nowhere"]
    assert "new.example.org ne se résout pas" in form.errors["wwwroot"][0]


def test_a_new_tenant_without_a_release(db):
    form = NewTenantForm(NEW | {"origin": "install", "admin_email": "a@example.org"})

    assert form.errors["release"] == [
        "Il n'y a pas de version\xa0: ajoutez-en une d'abord"
    ]


def test_a_tenant_and_its_paths(add_tenant, releases):
    one = add_tenant("one", install=False)
    tree = releases["4.2"].path
    two = Tenant(wwwroot="https://b.org", shortname="b", release=one.release)
    two.data_path = one.data_path

    with pytest.raises(ValidationError) as shared:
        two.clean()
    two.data_path = f"{tree}/data"
    with pytest.raises(ValidationError) as public:
        two.clean()

    said = f"Il chevauche le répertoire de données de {one}"
    assert shared.value.message_dict["data_path"] == [said]
    said = f"Il chevauche l'arborescence de code {tree}, qui est publique"
    assert public.value.message_dict["data_path"] == [said]


def test_a_code_tree(tmp_path):
    (tmp_path / "version.php").write_text("<?php\n$version = 1;\n")

    with pytest.raises(ValidationError) as gone:
        Release(name="a", path="/nowhere").read_version()
    with pytest.raises(ValidationError) as wrong:
        Release(name="a", path=str(tmp_path)).read_version()

    assert gone.value.messages[0].startswith("/nowhere\xa0: ce répertoire n'existe pas")
    assert "ne définit pas $release" in wrong.value.messages[0]


def test_forced_settings(db):
    with pytest.raises(boot.PublishError) as refused:
        boot.refuse_for_release("4.2", {"wwwroot": "x"})

    assert str(refused.value).startswith(
        "la version 4.2 ne peut pas forcer wwwroot\xa0:"
    )


def test_a_link_of_a_sub_path(tmp_path):
    (tmp_path / "school").mkdir()

    with pytest.raises(boot.PublishError) as refused:
        subpath.add(str(tmp_path), "school")

    assert f"{tmp_path}/school existe et n'est pas un lien" in str(refused.value)


def test_a_php_that_is_not_there(releases):
    release = releases["4.2"]
    release.php = "/nowhere/php"

    with pytest.raises(PhpError) as failed:
        release.refresh()

    assert (
        f"/nowhere/php ne peut pas lire les versions de {release.path}\xa0: /nowhere"
        in (str(failed.value))
    )


def test_a_server_that_is_there_already(server):
    with pytest.raises(ValidationError) as refused:
        DatabaseServer(name="b", socket=server.socket).clean()

    assert refused.value.messages == ["C'est déjà le serveur de bases de données db1"]


def test_a_server_out_of_reach():
    server = DatabaseServer(name="far", host="127.0.0.1", port=1, admin_user="a")

    with pytest.raises(moodledb.MoodleDbError) as failed:
        moodledb.query(server, "SELECT 1")

    assert str(failed.value).startswith("serveur de bases de données far\xa0: ")
    assert "démarrez-le, ou corrigez son adresse" in str(failed.value)


def test_strategies():
    same = Strategy(kind="subnetwork", services={"sso_sp": [True, False]})

    with pytest.raises(ValidationError) as refused:
        same.clean()

    assert refused.value.messages[0].startswith("sso_sp\xa0: dans un sous-réseau")


@pytest.mark.parametrize(
    ("steps", "sentence"),
    [
        ([("tag", ["x"])], "Il n'y a pas d'étiquette x (connues\xa0: aucun)"),
        ([("tohosts", ["https://x.org"])], "Pas de telle instance\xa0: https://x.org"),
        ([("tohosts", ["x*"])], "'x*' est un motif"),
        ([("tohostsmatch", ["é"])], "'é' n'est pas un motif"),
        ([], "Aucune instance n'est choisie"),
    ],
)
def test_a_selection(steps, sentence):
    with pytest.raises(SelectionError) as refused:
        Selection(steps).resolve()

    assert str(refused.value).startswith(sentence)


def test_a_line_of_a_list():
    node = nodelist.Node(1, [], {"enabled": "maybe"})

    with pytest.raises(ValidationError) as refused:
        nodelist.form_data(node, 1)

    assert refused.value.messages == ["enabled\xa0: 'maybe' n'est ni 1 ni 0"]


def test_what_a_job_holds(console, rows):
    one, two = rows(2)
    Tenant.objects.update(held_by=7)

    said = held.refusal(Tenant.objects.all())
    changed = asking_in_french(console).post(
        f"{LIST}{one.pk}/change/", filled(one, db_name="other")
    )

    assert said == (
        f"Le travail 7 est en cours sur {one}, et d'autres sur 1 autres\xa0: attendez"
        " leur fin, ou abandonnez-les"
    )
    own = f"Le travail 7 est en cours sur {one} : attendez sa fin, ou abandonnez-le"
    assert f"{own}, avant de changer : nom de la base" in page(changed)


def test_what_has_not_ended(rows):
    [one] = rows(1)
    Journal.objects.create(tenant=one, work="create", text="{}", begun=[MAKE])

    assert held.kept(Tenant.objects.all()) == [
        f"L'opération «\xa0create\xa0» de {one} n'est pas terminée\xa0: attendez-la,"
        " ou exécutez manage.py doctor --fix"
    ]


def test_what_a_page_says_of_a_tenant(console, rows):
    [one] = rows(1, last_job=1, last_command="a/B", last_state="rolled_back")
    found = {"check": "login page", "state": "warning", "sentence": "it answers 503"}
    Checkup.objects.create(
        tenant=one, at=one.created_at, state="warning", findings=[found]
    )

    shown = page(asking_in_french(console).get(f"{LIST}{one.pk}/change/"))

    assert "Annulé, état rétabli" in shown
    assert ">avertissement</span> page de connexion : it answers 503" in shown


def test_what_a_changed_tenant_lacks(
    console, add_tenant, django_capture_on_commit_callbacks
):
    one = add_tenant("one", install=False)
    Path(one.data_path).rmdir()
    given = filled(one, db_name="other")

    with django_capture_on_commit_callbacks(execute=True):
        answer = asking_in_french(console).post(f"{LIST}{one.pk}/change/", given)

    told = [str(message) for message in get_messages(answer.wsgi_request)]
    gone = f"{one}: répertoire de données\xa0: {one.data_path} n'existe pas"
    assert any(gone in said for said in told), told


def test_a_finding_is_stored_by_its_name(rows):
    [one] = rows(1)

    assert checks.data(one).check == "data path"


def test_sites_that_cannot_be_taken_over(server):
    root = {"wwwroot": "https://a.org", "db_name": "nowhere"}
    foreign = Site("row 1", root | {"db_type": "pgsql"})
    away = Site("row 2", root | {"db_type": "mariadb"}, db_host="far.example.org")
    empty = Site("row 3", root | {"db_type": "mariadb"}, socket=server.socket)

    Takeover([foreign, away, empty])

    assert [site.problems for site in (foreign, empty)] == [
        ["sa base est pgsql\xa0: VMoodle ne sert que MariaDB et MySQL"],
        ["il n'y a pas de base 'nowhere'"],
    ]
    assert away.problems[0].startswith(
        "son serveur de bases de données far.example.org:3306 n'est pas enregistré\xa0:"
    )


def test_a_damaged_snapshot(tmp_path):
    (tmp_path / manifest.NAME).write_text("{")

    with pytest.raises(manifest.SnapshotError) as damaged:
        manifest.read(tmp_path)

    assert str(damaged.value).endswith("est abîmé\xa0: ce n'est pas du JSON")


def test_a_site_whose_keys_are_not_its_own(rows):
    [one] = rows(1)
    off = mnet_sites.Site(one)
    other = mnet_sites.Site(
        one, certificate="a", signs_with="a", wwwroot="https://b.org"
    )
    other.settings = {"mnet_dispatcher_mode": mnet_sites.ON}

    assert off.trouble == "MNet est désactivé sur le site"
    assert other.trouble == "ses clés sont de https://b.org"


def test_why_a_code_tree_has_no_mnet(releases):
    assert mnet_sites.lacks_mnet(Release(name="5.0", path="/nowhere")) == (
        "le code de 5.0 n'a pas MNet, que Moodle a jusqu'à 4.5"
    )


def test_who_comes_second(rows):
    [one] = rows(1)
    second = Tenant(wwwroot=one.wwwroot, shortname="b", db_name="b", data_path="/b")
    second.server, second.release = one.server, one.release

    with pytest.raises(LifecycleError) as late:
        reserve(second, Plan(origin="register"))

    assert str(late.value).startswith(f"{one} n'est pas faite\xa0: ")
