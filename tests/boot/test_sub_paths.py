"""boot.php behind php-fpm: tenants below a host, and addresses of former times."""

import re
from pathlib import Path

import pytest

from tenants.serving import subpath
from tenants.serving.publish import BOOT, unpublish
from tests.boot.fleet import published
from tests.boot.fpm import Answer, Fpm, refused, served

SUB = "https://a.example.org", "https://a.example.org/one", "https://s.example.org/two"


@pytest.mark.parametrize(
    ("host", "path", "wwwroot"),
    [
        ("a.example.org", "/login/index.php", SUB[0]),
        ("a.example.org", "/one/login/index.php", SUB[1]),
        ("a.example.org", "/One/index.php", SUB[1]),
        ("a.example.org", "/two/login/index.php", SUB[0]),
        ("a.example.org", "/one.php", SUB[0]),
        ("s.example.org", "/two/index.php", SUB[2]),
        ("s.example.org", "/one/index.php", None),
        ("s.example.org", "/index.php", None),
        ("s.example.org", "/../two/index.php", None),
        ("s.example.org", "//two/index.php", None),
    ],
)
def test_sub_paths(fpm: Fpm, tree: Path, host: str, path: str, wwwroot: str | None):
    for number, root in enumerate(SUB):
        published(root, tree, shortname=f"t{number}")

    answer = fpm.get(tree, host, SCRIPT_NAME=path)

    served(answer, wwwroot)


def test_a_sub_path_is_found_as_soon_as_it_is_published(fpm: Fpm, tree: Path):
    def asked() -> str:
        page = fpm.get(tree, "a.example.org", SCRIPT_NAME="/one/index.php").page
        return page["cfg"]["wwwroot"]

    published(SUB[0], tree)
    assert asked() == SUB[0]
    one = published(SUB[1], tree, shortname="one")
    assert asked() == SUB[1]

    unpublish(one.key)

    assert asked() == SUB[0]


def test_no_sub_path_is_looked_for_where_every_moodle_has_code():
    text = BOOT.read_text()
    listed = text.partition("return match ($name) {")[2].partition("=> true")[0]

    assert set(re.findall(r"'([a-z0-9]+)'", listed)) == subpath.OF_MOODLE


@pytest.mark.parametrize(
    ("host", "uri", "name", "place"),
    [
        ("a.example.org", "/one", "/index.php", f"{SUB[1]}/"),
        ("a.example.org:80", "/One?a=1%0d%0a", "/one", f"{SUB[1]}/?a=1%0d%0a"),
        ("s.example.org", "/two", "/two/index.php", f"{SUB[2]}/"),
    ],
)
def test_a_sub_path_without_its_slash_is_led_on(
    fpm: Fpm, tree: Path, host: str, uri: str, name: str, place: str
):
    for number, root in enumerate(SUB):
        published(root, tree, shortname=f"t{number}")

    answer = fpm.get(tree, host, SCRIPT_NAME=name, REQUEST_URI=uri)

    assert (answer.status, answer.headers["location"]) == (301, place)


@pytest.mark.parametrize(
    ("host", "uri", "place"),
    [
        ("old.example.org", "/course/view.php?id=1", "/course/view.php?id=1"),
        ("old.example.org", "/", "/"),
        ("old.example.org", ".evil.example/x", "/.evil.example/x"),
        ("old.example.org", "@evil.example", "/@evil.example"),
        ("old.example.org", "//evil.example", "/evil.example"),
        ("old.example.org", "/pluginfile.php/1/a%20b", "/pluginfile.php/1/a%20b"),
        ("s.example.org", "/Was/index.php?x", "/index.php?x"),
        ("s.example.org", "/was", "/"),
    ],
)
def test_a_former_address_leads_to_the_new_one(
    fpm: Fpm, tree: Path, host: str, uri: str, place: str
):
    former = "http://old.example.org\nhttps://s.example.org/was"
    published(f"{SUB[0]}/one", tree, former=former)

    answer = fpm.get(tree, host, SCRIPT_NAME=uri.partition("?")[0], REQUEST_URI=uri)

    assert (answer.status, answer.headers["location"]) == (301, f"{SUB[1]}{place}")


def test_links_in_the_tree_serve_their_own_tenant_alone(fpm: Fpm, tree: Path, settings):
    settings.VMOODLE_SUBPATH_LINKS = True
    for number, root in enumerate(SUB):
        published(root, tree, shortname=f"t{number}")

    def get(host: str, path: str) -> Answer:
        return fpm.get(tree, host, path)

    page = get("s.example.org", "/two/login/index.php").page
    assert page["cfg"]["wwwroot"] == SUB[2]
    assert get("a.example.org", "/one/index.php").page["cfg"]["wwwroot"] == SUB[1]
    refused(get("a.example.org", "/two/index.php"), 404)
    refused(get("a.example.org", "/one/two/index.php"), 404)
    refused(get("a.example.org", "/one/one/index.php"), 404)
