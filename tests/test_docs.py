"""The pages for developers name files and packages that there are."""

import re

import pytest

from tests.conftest import ROOT

WRITTEN_BY_THE_READER = "greeting.py"
OURS = "bench|bin|commands|demo|deploy|mnet|tenants|tests|vmoodle_site"
FILE = rf"(?<![\w/.])((?:{OURS})/[\w/.]+\.(?:py|php))\b"
PAGES = sorted((ROOT / "docs").rglob("*.md")) + [ROOT / "README.md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_files_that_a_page_names_are_there(page):
    named = re.findall(FILE, page.read_text())
    lost = [path for path in named if not (ROOT / path).is_file()]

    assert [path for path in lost if not path.endswith(WRITTEN_BY_THE_READER)] == []


def test_every_package_is_explained():
    apps = [ROOT / "commands", ROOT / "mnet", ROOT / "tenants"]
    packages = [path for app in apps for path in [app, *app.glob("*/")]]
    names = {f"{path.relative_to(ROOT)}/" for path in packages}

    said = set(re.findall(r"`([\w/]+/)`", (ROOT / "docs/code.md").read_text()))

    left_out = {"__pycache__", "migrations"}
    assert said == {name for name in names if name.split("/")[-2] not in left_out}
