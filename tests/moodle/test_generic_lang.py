"""Customised strings copied between two real Moodles, and maintenance messages."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from commands.base import CommandFailed
from tenants.models import Tenant
from tests.conftest import RunOf
from tests.moodle.fleet import Fleet
from tests.moodle.in_moodle import in_moodle
from tests.moodle.site import Campus

pytestmark = [pytest.mark.moodle, pytest.mark.slow]
SYNC = "generic/SyncLangCustomisation"
HOSTILE = "'\"\\'; system('id'); <?php ?> $x {$a->b} `id` é😀\nend"
PUT = """
foreach ($in as $file => $strings) {
    $text = "<?php\\n";
    foreach ($strings as $id => $value) {
        $text .= "\\$string['$id'] = " . var_export($value, true) . ";\\n";
    }
    check_dir_exists(dirname("$CFG->langlocalroot/$file"));
    file_put_contents("$CFG->langlocalroot/$file", $text);
}
get_string_manager()->reset_caches();
"""


@pytest.fixture
def sites(campus: Campus) -> Iterator[Campus]:
    yield campus
    for tenant in campus:
        shutil.rmtree(Path(tenant.data_path, "lang"), ignore_errors=True)
        in_moodle(tenant, "get_string_manager()->reset_caches();")


def customise(tenant: Tenant, **files: dict[str, str]) -> None:
    """Customise strings of components in English, and tell Moodle."""
    in_moodle(tenant, PUT, {f"en_local/{name}.php": on for name, on in files.items()})


def said(tenant: Tenant, *pairs: str) -> list[str]:
    """Return strings, each named component/id, as a page of the site shows them."""
    code = "return array_map(fn($p) => get_string(...array_reverse(explode('/', $p))),"
    return in_moodle(tenant, f"{code} $in);", pairs)


def test_customised_strings_are_copied(sites: Campus, finished: RunOf):
    alpha, beta = sites
    customise(alpha, moodle={"yes": HOSTILE}, book={"pluginname": "Volume"})
    customise(beta, moodle={"no": "Nope"}, page={"pluginname": "Sheet"})

    job = finished(SYNC, [beta]).jobs.get()
    again = finished(SYNC, [beta]).jobs.get()

    counts = {"added": 1, "replaced": 1, "deleted": 0, "unchanged": 0}
    assert job.result == counts, job.error
    assert again.state == "skipped"
    names = ["core/yes", "core/no", "mod_book/pluginname", "mod_page/pluginname"]
    assert said(beta, *names) == [HOSTILE, "No", "Volume", "Sheet"]


def test_only_what_was_chosen_is_copied(sites: Campus, finished: RunOf):
    alpha, beta = sites
    customise(alpha, moodle={"yes": "Yep"}, book={"pluginname": "Volume"})

    finished(SYNC, [beta], "plugins=mod_book&langs=en")

    assert said(beta, "core/yes", "mod_book/pluginname") == ["Yes", "Volume"]


def test_what_the_source_has_not_customised_can_be_removed(
    sites: Campus, finished: RunOf
):
    alpha, beta = sites
    customise(alpha, book={"pluginname": "Volume"})
    customise(beta, page={"pluginname": "Sheet"})

    job = finished(SYNC, [beta], "prune=1").jobs.get()

    assert job.result["deleted"] == 1
    assert said(beta, "mod_page/pluginname") == ["Page"]
    assert not Path(beta.data_path, "lang/en_local/page.php").exists()


def test_the_tool_for_customising_knows_of_it(sites: Campus, finished: RunOf):
    alpha, beta = sites
    customise(alpha, book={"pluginname": "Volume"})
    in_moodle(
        beta,
        "$book = ['name' => 'mod_book'];"
        "$id = $DB->insert_record('tool_customlang_components', $book);"
        "foreach (['pluginname', 'modulename'] as $name) {"
        " $DB->insert_record('tool_customlang', ['lang' => 'en', 'componentid' => $id,"
        " 'stringid' => $name, 'original' => 'Book', 'master' => 'Book',"
        " 'local' => 'Mine', 'timemodified' => 1, 'modified' => 1]); }",
    )

    finished(SYNC, [beta], "plugins=mod_book")

    rows = in_moodle(
        beta,
        "$all = ['tool_customlang', null, '', 'stringid, local'];"
        "$found = $DB->get_records_menu(...$all);"
        "$DB->delete_records('tool_customlang');"
        "$DB->delete_records('tool_customlang_components'); return $found;",
    )
    assert rows == {"pluginname": "Volume", "modulename": None}


def test_a_language_that_the_target_does_not_have(sites: Campus, finished: RunOf):
    alpha, beta = sites
    pack = Path(alpha.data_path, "lang/xx/langconfig.php")
    pack.parent.mkdir(parents=True)
    pack.write_text("<?php $string['thislanguage'] = 'Xish';")
    in_moodle(alpha, PUT, {"xx_local/book.php": {"pluginname": "Xook"}})
    customise(alpha, book={"pluginname": "Volume"})

    whole = finished(SYNC, [beta]).jobs.get()
    named = finished(SYNC, [beta], "langs=xx").jobs.get()

    assert whole.result["added"] == 1, whole.error
    assert "left out: the site has no language xx" in whole.text()[0]
    assert (named.state, named.error) == (
        "failed",
        "the site has no language xx: install it first",
    )
    assert not Path(beta.data_path, "lang/xx_local").exists()


def test_a_failure_leaves_the_strings_as_they_were(sites: Campus, finished: RunOf):
    alpha, beta = sites
    customise(alpha, book={"pluginname": "Volume"}, page={"pluginname": "Sheet"})
    customise(beta, book={"pluginname": "Mine"})
    blocked = Path(beta.data_path, "lang/en_local/page.php")
    blocked.mkdir()

    job = finished(SYNC, [beta]).jobs.get()

    assert job.state == "failed"
    assert job.error == f"{blocked} cannot be written"
    assert said(beta, "mod_book/pluginname") == ["Mine"]
    found = {path.name for path in blocked.parent.iterdir()}
    assert found == {"book.php", "page.php"}


def test_what_the_source_does_not_have_fails_the_run(sites: Campus, finished: RunOf):
    _alpha, beta = sites
    for attributes, sentence in {
        "plugins=mod_nothing": "the site has no mod_nothing: check its name",
        "langs=zz": "the site has no language zz",
        "langs=en": "has no customised strings of these components",
    }.items():
        with pytest.raises(CommandFailed, match=sentence):
            finished(SYNC, [beta], attributes)


@pytest.fixture
def beta(campus: Campus, finished: RunOf) -> Iterator[Tenant]:
    yield campus[1]
    finished("generic/Maintenance", [campus[1]], "message=OFF")


def test_visitors_are_told_why_the_site_is_closed(
    newest_sites: Fleet, beta: Tenant, finished: RunOf
):
    told = "Back%20at%20%3Cb%3Enoon%3C%2Fb%3E"

    soft = finished("generic/Maintenance", [beta], f"message={told}").jobs.get()
    status_soft, page_soft = newest_sites.page("beta")
    hard = finished("generic/Maintenance", [beta], f"message={told}&hard=1").jobs.get()
    status_hard, page_hard = newest_sites.page("beta")
    again = finished("generic/Maintenance", [beta], f"message={told}&hard=1").jobs.get()

    assert soft.result == {"closed": "to users"}, soft.error
    assert "Back at <b>noon</b>" in page_soft
    assert hard.result == {"closed": "to all"}, hard.error
    assert (status_hard, "Back at <b>noon</b>" in page_hard) == (503, True)
    assert again.state == "skipped"


def test_another_message_replaces_the_first(
    newest_sites: Fleet, beta: Tenant, finished: RunOf
):
    finished("generic/Maintenance", [beta], "enable=1")

    job = finished("generic/Maintenance", [beta], "message=Soon&hard=1").jobs.get()

    assert job.state == "succeeded", job.error
    assert "Soon" in newest_sites.page("beta")[1]


def test_the_message_off_opens_the_site(
    newest_sites: Fleet, beta: Tenant, finished: RunOf
):
    finished("generic/Maintenance", [beta], "message=Soon&hard=1")

    job = finished("generic/Maintenance", [beta], "message=OFF").jobs.get()

    assert job.result == {"closed": "no"}
    status, page = newest_sites.page("beta")
    assert (status, "Soon" in page) == (200, False)
