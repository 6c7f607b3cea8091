"""What it reads and asks; tests/moodle/test_generic_copies.py proves it on a Moodle."""

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given, strategies

from commands import agent
from commands.base import CommandFailed
from commands.generic.copy_file import CopyFile
from tenants.models import Tenant


def cleaned(text: str) -> dict[str, str]:
    form = CopyFile()
    form.cleaned_data = {"fileid": text}
    return form.clean_fileid()


def test_a_file_is_named_by_its_id():
    assert cleaned("123") == {"id": "123"}


@pytest.mark.parametrize(
    ("text", "path", "name"),
    [
        ("core_admin/logo/0/logo.png", "/", "logo.png"),
        ("core_admin/logo/0/a b/c/été.png", "/a b/c/", "été.png"),
    ],
)
def test_a_file_is_named_by_its_path(text: str, path: str, name: str):
    assert cleaned(text) == {
        "component": "core_admin",
        "filearea": "logo",
        "itemid": "0",
        "filepath": path,
        "filename": name,
    }


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "-1", "1.5", "1 or 1=1", "a/b/0", "a/b/0/", "a/b/x/c", "a/b/0//c"),
        *(
            "a/b/0/../c",
            "a/b/0/..",
            "a/b/0/c\x00",
            "a/b/0/c\nd",
            "A/b/0/c",
            "٣",
            "9" * 19,
        ),
    ],
)
def test_what_is_no_file_is_refused(text: str):
    with pytest.raises(ValidationError, match="is no file: give its id at the source"):
        cleaned(text)


@given(strategies.text(alphabet="ab_/.0\n\x00'; é"))
def test_whatever_the_text_it_leads_nowhere_else(text: str):
    try:
        found = cleaned(text)
    except ValidationError as error:
        assert len(error.messages) == 1
    else:
        path = found.get("filepath", "/") + found.get("filename", "x")
        assert path.startswith("/")
        assert not {".", "..", ""} & set(path[1:].split("/"))
        assert path.isprintable()


def test_a_source_without_the_file_fails(rows, monkeypatch):
    rows(1)
    Tenant.objects.update(is_main=True)
    monkeypatch.setattr(agent, "read", lambda *words: {"filedir": "", "files": []})
    form = CopyFile.from_attributes("fileid=77")
    assert form.is_valid()

    with pytest.raises(CommandFailed, match="t0.example.org has no such file .*: 77"):
        form.read(form.cleaned_data["source"])


def test_no_other_file_is_deleted():
    form = CopyFile()
    form.material = {"filedir": "/f", "files": []}

    assert form.payload(None) == {"filedir": "/f", "files": [], "prune": None}
