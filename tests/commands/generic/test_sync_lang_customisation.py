"""What it reads and asks; tests/moodle/test_generic_copies.py proves it on a Moodle."""

import re

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given, strategies

from commands import agent
from commands.base import CommandFailed
from commands.generic.sync_lang_customisation import SyncLangCustomisation, _names
from tenants.models import Tenant


@pytest.fixture
def source(rows) -> Tenant:
    made = rows(1)
    Tenant.objects.update(is_main=True)
    return made[0]


def form_of(attributes: str) -> SyncLangCustomisation:
    form = SyncLangCustomisation.from_attributes(attributes)
    assert form.is_valid(), form.errors
    return form


def test_all_is_meant_unless_something_is_named(source: Tenant):
    form = form_of("")

    assert form.cleaned_data["plugins"] == form.cleaned_data["langs"] == ["all"]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("core,mod_quiz", ["core", "mod_quiz"]),
        (" core , core", ["core"]),
        ("en,all", ["all"]),
    ],
)
def test_names_are_a_list(text: str, names: list[str]):
    assert _names(text) == names


@pytest.mark.parametrize(
    "text",
    ["", ",", "core,", "../x", "a b", "A", "a;rm", "a/b", "a\x00", "é", "x" * 101],
)
def test_what_is_no_list_of_names_is_refused(text: str):
    with pytest.raises(ValidationError, match="is no name: write lower-case letters"):
        _names(text)


@given(strategies.text(alphabet="ab_,./ \x00'é1"))
def test_whatever_the_text_names_are_plain(text: str):
    try:
        names = _names(text)
    except ValidationError as error:
        assert len(error.messages) == 1
    else:
        assert all(re.fullmatch("[a-z][a-z0-9_]*", name) for name in names)


def test_a_source_without_customised_strings_fails(source: Tenant, monkeypatch):
    monkeypatch.setattr(agent, "read", lambda *words: [])

    with pytest.raises(CommandFailed, match="t0.example.org has no customised strings"):
        form_of("langs=en").read(source)


def test_strings_are_handed_on_with_what_was_asked(source: Tenant, monkeypatch):
    strings = {"en": {"core": {"yes": "Yep"}}}
    asked = []
    monkeypatch.setattr(agent, "read", lambda *words: asked.append(words) or strings)
    form = form_of("plugins=core&langs=en,fr&prune=1")

    form.material = form.read(source)

    names = {"plugins": ["core"], "langs": ["en", "fr"]}
    assert asked == [(source, "read_lang", names)]
    assert form.payload(source) == {"strings": strings, **names, "prune": True}
