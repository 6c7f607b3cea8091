"""No page of the console says anything of its own in English to a French reader."""

import re
from html.parser import HTMLParser

import pytest
from django.test import Client

from commands.base import all_commands
from commands.console.comparison import Comparison
from commands.models import Job, Run
from tenants.models import Snapshot, Tag

pytestmark = pytest.mark.django_db
OF = "/commands/run/of"
PAGES = [
    *("/", "/nowhere/", "/password_change/", "/auth/user/", "/auth/user/add/"),
    *("/tenants/tenant/", "/tenants/tenant/?q=nothing", "/tenants/tenant/add/"),
    *("/tenants/tenant/{tenant}/change/", "/tenants/tenant/{tenant}/delete/"),
    *("/tenants/tenant/{tenant}/history/", "/tenants/tag/", "/tenants/tag/add/"),
    *("/tenants/release/", "/tenants/release/add/"),
    *("/tenants/databaseserver/", "/tenants/databaseserver/add/"),
    *("/tenants/snapshot/", "/tenants/snapshot/{snapshot}/change/"),
    *("/commands/run/", "/commands/savedcommand/", "/commands/savedcommand/add/"),
    *(f"{OF}/networks/", f"{OF}/networks/0/", f"{OF}/strategies/"),
    *(f"{OF}/run/{{run}}/", f"{OF}/run/{{run}}/live/", f"{OF}/run/{{run}}/results/"),
    *(f"{OF}/job/{{job}}/", f"{OF}/run/{{draft}}/choose/"),
    *(f"{OF}/run/{{draft}}/launch/", f"{OF}/run/{{draft}}/confirm/"),
]
SENTENCE = re.compile(r"[A-Za-z']+( [A-Za-z']+){2}")  # three plain words in a row


class Texts(HTMLParser):
    """What a page says, by sight or sound, but for what is to be typed."""

    SILENT = ("script", "style", "pre", "code")
    SPOKEN = ("title", "placeholder", "aria-label", "data-said", "label")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.within = 0
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.within += tag in self.SILENT
        self.found |= {text or "" for name, text in attrs if name in self.SPOKEN}

    def handle_endtag(self, tag):
        self.within -= tag in self.SILENT

    def handle_data(self, data):
        if not self.within:
            self.found.add(" ".join(data.split()))


def sentences(console: Client, address: str, language: str) -> set[str]:
    answer = console.get(address, headers={"Accept-Language": language})
    assert answer.status_code in (200, 404), answer
    return set(filter(SENTENCE.search, Texts(answer.content.decode()).found))


@pytest.fixture
def keys(rows, run_of) -> dict[str, int]:
    """Make a bit of all that pages show, and return the keys of it."""
    one, two = rows(2)
    one.tags.add(Tag.objects.create(name="pilot"))
    run = run_of("generic/PurgeCaches", [one])
    draft = Run.objects.create(command="generic/PurgeCaches", targets=[one.pk, two.pk])
    snapshot = Snapshot.objects.create(name="s", tenant=one, wwwroot=one.wwwroot)
    made = {"tenant": one, "run": run, "draft": draft, "snapshot": snapshot}
    return {name: row.pk for name, row in made.items()} | {"job": run.jobs.get().pk}


@pytest.mark.parametrize("page", PAGES)
def test_a_page_says_nothing_in_english(console, keys, page: str):
    address = page.format(**keys)

    french = sentences(console, address, "fr")

    assert french & sentences(console, address, "en") == set()


def test_the_forms_of_commands_say_nothing_in_english(console, keys):
    form = f"{OF}/run/{keys['draft']}/launch/"
    told = {}
    for command in all_commands():
        if not issubclass(command, Comparison):
            Run.objects.filter(pk=keys["draft"]).update(command=command.name())
            both = [sentences(console, form, language) for language in ("fr", "en")]
            told[command.name()] = both[0] & both[1]

    assert {name: left for name, left in told.items() if left} == {}


@pytest.mark.parametrize(
    ("page", "told"),
    [
        (f"{OF}/run/{{draft}}/choose/", {"Cycle de vie", "Système", "Mise à niveau"}),
        ("/tenants/tenant/", {"Généralités"}),
        ("/commands/run/", {"Console", "Automatique", "Crons du parc"}),
    ],
)
def test_words_that_stand_alone_are_french(console, keys, page: str, told: set[str]):
    answer = console.get(page.format(**keys), headers={"Accept-Language": "fr"})

    assert told - Texts(answer.content.decode()).found == set()


def test_a_small_result_is_told_in_french(console, keys):
    Job.objects.update(state="succeeded", result={"code_version": 5, "gone": True})

    page = console.get(f"{OF}/run/{keys['run']}/", headers={"Accept-Language": "fr"})

    assert "version du code 5 · disparue oui" in page.content.decode()


def test_values_to_choose_from_are_french(console, keys):
    Run.objects.filter(pk=keys["draft"]).update(command="system/DeleteUsers")
    form = f"{OF}/run/{keys['draft']}/launch/"

    answer = console.get(form, headers={"Accept-Language": "fr"})

    assert '<option value="suspend">Les suspendre</option>' in answer.content.decode()
