"""Files and texts of the interface, copied from one sandbox to the other."""

import hashlib
from pathlib import Path

import pytest

from tenants.models import Tenant
from tests.demo.site import DONE, SO, SOURCE, Pair, Told, change, read

pytestmark = pytest.mark.django_db
AREA = "core_h5p/sheets/0"


def content(tenant: Tenant, text: str) -> Path:
    """Return where a site keeps a content, if it does."""
    name = hashlib.sha1(text.encode()).hexdigest()
    return Path(tenant.data_path, "filedir", name[:2], name[2:4], name)


def put(tenant: Tenant, path: str, text: str) -> None:
    """Put a file into the area, as Moodle's tables and its pool have it."""
    directory, _slash, name = f"/{path}".rpartition("/")
    file = content(tenant, text)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    place = f"/1/core_h5p/sheets/0{directory}/{name}"
    change(
        tenant,
        "INSERT INTO {files} (contextid, component, filearea, itemid, filepath,"
        " filename, contenthash, filesize, pathnamehash, author, timecreated,"
        " timemodified) VALUES (1, 'core_h5p', 'sheets', 0, %s, %s, %s, %s, %s, 'Ann',"
        " 1, 1)",
        *(f"{directory}/", name, file.name, len(text)),
        hashlib.sha1(place.encode()).hexdigest(),
    )


FILES = (
    "SELECT CONCAT(filepath, filename), contenthash, author FROM {files}"
    " WHERE filename <> '.' ORDER BY 1"
)


def test_a_file_area_is_copied_with_its_contents(pair: Pair, told: Told):
    one, two = pair
    put(one, "one.txt", "one")
    put(one, "sub/two.txt", "two")
    put(two, "one.txt", "other")
    put(two, "own/own.txt", "own")

    copy = "generic/CopyFileArea", f"fileareaid={AREA}"
    assert told(*copy) == [SOURCE, DONE]
    assert told(*copy) == [SOURCE, SO]
    assert [row[0] for row in read(two, FILES)] == [
        "/one.txt",
        "/own/own.txt",
        "/sub/two.txt",
    ]
    assert told(copy[0], f"{copy[1]}&prune=1") == [SOURCE, DONE]

    assert read(two, FILES) == read(one, FILES)
    assert content(two, "two").read_text() == "two"
    assert [content(two, text).exists() for text in ("other", "own")] == [False, False]
    directories = "SELECT filepath FROM {files} WHERE filename = '.' ORDER BY 1"
    assert read(two, directories) == [("/",), ("/sub/",)]


def test_one_file_is_copied(pair: Pair, told: Told):
    one, two = pair
    put(one, "sub/one.txt", "one")
    put(one, "two.txt", "two")
    [(pk,)] = read(one, "SELECT id FROM {files} WHERE filename = 'two.txt'")

    copy = "generic/CopyFile", f"fileid={AREA}/sub/one.txt"
    assert told(*copy) == [SOURCE, DONE]
    assert told(*copy) == [SOURCE, SO]
    assert [row[0] for row in read(two, FILES)] == ["/sub/one.txt"]
    assert told("generic/CopyFile", f"fileid={pk}") == [SOURCE, DONE]

    assert read(two, FILES) == read(one, FILES)
    assert content(two, "two").read_text() == "two"


def test_texts_are_imported_and_copied(pair: Pair, told: Told, tmp_path: Path):
    one, two = pair
    source = tmp_path / "texts"
    source.mkdir()
    text = r"<?php $string['pluginname'] = 'L\'exam\\en';"
    (source / "quiz.php").write_text(text + "\nunlink(__FILE__);\n")
    packs = [Path(tenant.data_path, "lang/en_local/quiz.php") for tenant in pair]
    given = f"lang=en&source={source}"

    early = told("system/CustomlangImport", given)
    assert all(said.startswith("no text was imported: ") for said in early)
    assert told("system/CustomlangImport", f"{given}&checkin=1") == [DONE, DONE]
    mine = "SELECT local FROM {tool_customlang} WHERE local IS NOT NULL"
    assert read(two, mine) == [("L'exam\\en",)]
    assert all("'L\\'exam\\\\en'" in pack.read_text() for pack in packs)

    packs[0].write_text("<?php $string['pluginname'] = 'Test';")
    sync = "generic/SyncLangCustomisation", "plugins=mod_quiz&langs=all"
    assert told(*sync) == [SOURCE, DONE]
    assert told(*sync) == [SOURCE, SO]
    assert "'Test'" in packs[1].read_text()
    assert read(two, mine) == [("Test",)]
