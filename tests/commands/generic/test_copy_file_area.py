"""What it reads and asks; tests/moodle/test_generic_copies.py proves it on a Moodle."""

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given, strategies

from commands import agent
from commands.base import CommandFailed
from commands.generic.copy_file_area import CopyFileArea
from tenants.models import Tenant

LIBRARIES = {"component": "mod_h5p", "filearea": "libraries", "itemid": "0"}
FILES = [{"filename": name} for name in "abc"]


@pytest.fixture
def source(rows) -> Tenant:
    made = rows(1)
    Tenant.objects.update(is_main=True)
    return made[0]


@pytest.fixture
def found(monkeypatch):
    """Return what the source is asked for; it has three files."""
    asked = []
    answer = {"filedir": "/data/t0/filedir", "files": FILES}
    monkeypatch.setattr(agent, "read", lambda *words: asked.append(words) or answer)
    return asked


def form_of(attributes: str) -> CopyFileArea:
    form = CopyFileArea.from_attributes(attributes)
    assert form.is_valid(), form.errors
    return form


def cleaned(text: str) -> dict[str, str]:
    form = CopyFileArea()
    form.cleaned_data = {"fileareaid": text}
    return form.clean_fileareaid()


@pytest.mark.parametrize(
    "text", ["mod_h5p/libraries:0", "mod_h5p/0/libraries", "mod_h5p/libraries/0"]
)
def test_a_file_area_has_three_forms(text: str):
    assert cleaned(text) == LIBRARIES


@pytest.mark.parametrize(
    "text", ["mod_h5p/libraries:*", "mod_h5p/*/libraries", "mod_h5p/libraries/*"]
)
def test_an_asterisk_means_all_items(text: str):
    assert cleaned(text) == {"component": "mod_h5p", "filearea": "libraries"}


def test_the_guide_s_example_works(source: Tenant, found):
    form_of("fileareaid=mod_h5p%2Flibraries%3A0").read(source)

    assert found == [(source, "list_files", LIBRARIES)]


@pytest.mark.parametrize(
    "text",
    [
        *("mod_h5p", "mod_h5p/libraries", "mod_h5p/libraries/x", "a/b/-1", "a/b/1.5"),
        *("A/b/0", "a/b/0/", "a/../0", "../b/0", "a/b;rm/0", "a/b/0\x00", "a/b/٣"),
        *("a/b/0\n", "a b/c/0", "a/b/" + "9" * 19, "", "//0", "a/b/%2e"),
    ],
)
def test_what_is_no_file_area_is_refused(text: str):
    with pytest.raises(ValidationError, match="is no file area"):
        cleaned(text)


@given(strategies.text(alphabet="ab_/:*0.;\n'é9 "))
def test_whatever_the_text_it_is_plain_or_refused(text: str):
    try:
        area = cleaned(text)
    except ValidationError as error:
        assert len(error.messages) == 1
    else:
        assert set(area) - {"itemid"} == {"component", "filearea"}
        assert all(
            part.isascii() and part.isidentifier() or part.isdigit()
            for part in area.values()
        )


def test_files_can_be_left_out(source: Tenant, found):
    read = form_of("fileareaid=a/b/0&skipfiles=2").read(source)

    assert read["files"] == FILES[2:]


@pytest.mark.parametrize("skip", [3, 4])
def test_to_leave_all_out_fails(source: Tenant, found, skip: int):
    with pytest.raises(
        CommandFailed, match=f"has 3 files .* {skip} are to be left out"
    ):
        form_of(f"fileareaid=a/b/0&skipfiles={skip}").read(source)


def test_a_source_without_the_file_area_fails(source: Tenant, monkeypatch):
    empty = {"filedir": "", "files": []}
    monkeypatch.setattr(agent, "read", lambda *words: empty)

    with pytest.raises(CommandFailed, match="t0.example.org has 0 files in a/b/0"):
        form_of("fileareaid=a/b/0").read(source)


def test_to_delete_what_is_left_out_is_refused(source: Tenant):
    form = CopyFileArea.from_attributes("fileareaid=a/b/0&skipfiles=1&prune=1")

    assert not form.is_valid()
    assert form.errors["__all__"] == [
        "Choose skipfiles or prune: what is left out would be deleted"
    ]


@pytest.mark.parametrize(("given", "area"), [("", None), ("&prune=1", LIBRARIES)])
def test_other_files_are_deleted_only_when_asked(source: Tenant, given, area):
    form = form_of(f"fileareaid=mod_h5p/libraries:0{given}")
    form.material = {"filedir": "/f", "files": FILES}

    assert form.payload(source) == {"filedir": "/f", "files": FILES, "prune": area}
