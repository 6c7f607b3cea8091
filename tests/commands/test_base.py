from urllib.parse import urlencode

import pytest
from django import forms
from django.core.exceptions import ValidationError
from hypothesis import given, settings, strategies

from commands.base import (
    Command,
    PhpScript,
    UnknownCommand,
    all_commands,
    find,
    split_options,
)
from commands.generic.maintenance import Maintenance
from commands.generic.purge_caches import PurgeCaches
from commands.upgrade.upgrade import Upgrade
from tenants.models import Release

COMMANDS = [pytest.param(command, id=command.name()) for command in all_commands()]


class Sample(PhpScript):
    """Do nothing.

    It has a field of each kind.
    """

    not_options = ("note",)
    fixed = ("--non-interactive",)

    number = forms.IntegerField(required=False, help_text="A number.")
    text = forms.CharField(required=False, help_text="A text.", strip=False)
    words = forms.MultipleChoiceField(
        choices=[("a", "A"), ("b", "B")], required=False, help_text="Words."
    )
    switch = forms.BooleanField(required=False, help_text="A switch.")
    seconds = forms.IntegerField(initial=5, required=False, help_text="Seconds.")
    note = forms.CharField(required=False, help_text="For the operator.")


def bound(cls: type[Command], attributes: str) -> Command:
    form = cls.from_attributes(attributes)
    assert form.is_valid(), form.errors
    return form


def values_of(field: forms.Field) -> strategies.SearchStrategy:
    """Return texts that the field may be given in a querystring."""
    if isinstance(field, forms.BooleanField):
        return strategies.sampled_from(["", "0", "1", "true", "False", "on", "no"])
    if isinstance(field, forms.MultipleChoiceField | forms.ChoiceField):
        return strategies.sampled_from([key for key, _label in field.choices])
    if isinstance(field, forms.IntegerField):
        return strategies.integers(0, 2000).map(str)
    return strategies.text()


@pytest.mark.django_db
@pytest.mark.parametrize("command", [*COMMANDS, Sample])
def test_parameters_survive_the_querystring(command: type[Command]):
    given_values = {
        name: strategies.none() | values_of(field)
        for name, field in command.base_fields.items()
        if not isinstance(field, forms.ModelChoiceField)
    }

    @settings(deadline=None, max_examples=50)
    @given(strategies.fixed_dictionaries(given_values))
    def survive(values: dict[str, str | None]) -> None:
        data = {name: value for name, value in values.items() if value is not None}
        first = command.from_attributes(urlencode(data))
        told = "&".join(filter(None, (first.attributes(), first.secrets())))
        second = command.from_attributes(told)

        assert second.is_valid() == first.is_valid()
        assert second.cleaned_data == first.cleaned_data
        assert second.attributes() == first.attributes()

    survive()


def test_a_release_survives_the_querystring(releases: dict[str, Release]):
    form = bound(Upgrade, "to_release=4.3&cron_wait=7")

    again = bound(Upgrade, form.attributes())

    assert again.cleaned_data["to_release"] == releases["4.3"]
    assert form.attributes() == "to_release=4.3&cron_wait=7"


def test_what_is_absent_has_its_default():
    form = bound(Sample, "number=3")

    assert form.cleaned_data["seconds"] == 5
    assert form.cleaned_data["switch"] is False
    assert form.attributes() == "number=3&seconds=5"


def test_an_empty_value_is_the_default():
    form = bound(Sample, "seconds=&text=")

    assert form.attributes() == "seconds=5"


def test_a_parameter_may_have_several_values():
    form = bound(Sample, "words=a&words=b")

    assert form.cleaned_data["words"] == ["a", "b"]
    assert form.attributes() == "words=a&words=b&seconds=5"


@pytest.mark.parametrize("text", ["0", "false", "No", "off", ""])
def test_a_switch_is_off_in_any_spelling(text: str):
    form = bound(PurgeCaches, f"muc={text}&theme=1")

    assert form.options() == ["--theme"]
    assert form.attributes() == "theme=1"


def test_a_switch_that_is_neither_on_nor_off_is_refused():
    with pytest.raises(ValidationError, match="muc=maybe: give muc=1 or muc=0"):
        PurgeCaches.from_attributes("muc=maybe")


@pytest.mark.parametrize(
    ("attributes", "sentence"),
    [
        ("muc", "'muc' is not of the form name=value&name=value"),
        ("muc=1&&theme=1", "is not of the form"),
        ("muc=1&=2", "'muc=1&=2' is not of the form name=value&name=value"),
        ("mic=1&moc=1", "has no parameter mic, moc .it has: more, muc, theme"),
        ("host=https://a.example.org", "generic/PurgeCaches has no parameter host"),
        ("muc=1&theme=1&muc=0", "muc is given twice: it has one value"),
    ],
    ids=["no value", "empty pair", "no name", "unknown", "not a parameter", "twice"],
)
def test_malformed_attributes_are_refused(attributes: str, sentence: str):
    with pytest.raises(ValidationError, match=sentence):
        PurgeCaches.from_attributes(attributes)


@pytest.mark.parametrize(
    ("command", "attributes", "field"),
    [
        (Maintenance, "enablelater=0", "enablelater"),
        (Maintenance, "enablelater=soon", "enablelater"),
        (Maintenance, "enable=1&disable=1", "__all__"),
        (Upgrade, "cron_wait=3601", "cron_wait"),
        (Upgrade, "to_release=9.9", "to_release"),
    ],
    ids=["too small", "no number", "contradiction", "too large", "unknown release"],
)
@pytest.mark.django_db
def test_wrong_values_are_form_errors(command, attributes: str, field: str):
    form = command.from_attributes(attributes)

    assert not form.is_valid()
    assert list(form.errors) == [field]


@pytest.mark.parametrize(
    "name",
    [
        "generic/PurgeCaches",
        "generic/purgecaches",
        "GENERIC/PURGECACHES",
        "generic/Purge_Caches",
        "generic/purge_caches",
    ],
)
def test_a_command_is_found_whatever_its_case_and_underscores(name: str):
    assert find(name) is PurgeCaches


@pytest.mark.parametrize(
    ("old", "name"),
    [
        ("plugins/Plugin_Set_State", "plugins/SetState"),
        ("plugins/Plugin_Set_Filter_State", "plugins/SetFilterState"),
        ("plugins/Plugins_Compare", "plugins/Compare"),
        ("plugins/Plugins_Sync", "plugins/Sync"),
        ("roles/Role_Compare", "roles/Compare"),
        ("roles/role_sync", "roles/Sync"),
        ("roles/Role_Capability_Sync", "roles/CapabilitySync"),
        ("roles/Role_Allow_Compare", "roles/AllowCompare"),
        ("roles/Role_Allow_Sync", "roles/AllowSync"),
    ],
)
def test_the_names_of_the_php_system_are_known(old: str, name: str):
    assert find(old).name() == name


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("generic/PurgeCache", "did you mean generic/PurgeCaches?"),
        ("upgrade/Upgrad", "did you mean upgrade/Upgrade?"),
        ("xyz", "'manage.py commands' lists all"),
        ("", "'manage.py commands' lists all"),
    ],
)
def test_an_unknown_command_is_refused_with_what_may_be_meant(name: str, hint: str):
    with pytest.raises(UnknownCommand) as refused:
        find(name)

    assert str(refused.value) == f"There is no command {name!r}: {hint}"


def test_a_command_is_named_by_package_and_class():
    assert PurgeCaches.name() == "generic/PurgeCaches"
    assert PurgeCaches.category() == "generic"
    assert Sample.summary() == "Do nothing."
    assert Sample.help() == "Do nothing.\n\nIt has a field of each kind."


def test_parameters_become_options_of_the_script():
    form = bound(
        Sample, "number=0&text=a b&words=a&words=b&switch=1&note=x&more=-q --lang=fr"
    )

    assert form.options() == [
        "--non-interactive",
        "--number=0",
        "--text=a b",
        "--words=a,b",
        "--switch",
        "--seconds=5",
        "-q",
        "--lang=fr",
    ]


def test_underscores_of_a_parameter_are_dashes_of_its_option():
    form = bound(Maintenance, "enablelater=5")
    pending = Upgrade({"allow_unstable": "1"})

    assert form.options() == ["--enablelater=5"]
    pending.full_clean()
    assert pending.options() == ["--non-interactive", "--allow-unstable"]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("", []),
        ("--verbose-settings  -x=1", ["--verbose-settings", "-x=1"]),
        ("--lang='fr ca'", ["--lang=fr ca"]),
        (r"--name=a\ b", ["--name=a b"]),
        ("--hostile --text=é", ["--hostile", "--text=é"]),
        ("--bypasscheck --new-key=1", ["--bypasscheck", "--new-key=1"]),
    ],
)
def test_more_options_are_passed_through(more: str, words: list[str]):
    form = PurgeCaches({"more": more})

    assert form.is_valid()
    assert form.options() == words


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ("--lang fr", "'fr' is not an option: options begin with '-', and a value"),
        ("; rm -rf /", "';' is not an option"),
        ("--lang='fr", "cannot be split into options: No closing quotation"),
        ("--host=https://b.example.org", "is set by VMoodle: leave it out"),
        ("--host", "'--host' is set by VMoodle"),
        ("-- --host=x", "'--' is set by VMoodle"),
        ("'--a\nb'", "is not an option"),
        ("-\x1b", "is not an option"),
        ("--adminpass=hunter2", "--adminpass is about a secret"),
        ("--password hunter2", "--password is about a secret"),
        ("--from=https://me:hunter2@a.org", "--from is about a secret"),
        ("x" * 2001, "at most 2000 characters"),
    ],
    ids=[
        "loose value",
        "shell",
        "open quote",
        "other host",
        "bare host",
        "end of options",
        "newline",
        "escape",
        "password",
        "loose password",
        "password in an address",
        "too long",
    ],
)
def test_more_options_that_are_none_are_refused(more: str, sentence: str):
    form = PurgeCaches({"more": more})

    assert not form.is_valid()
    assert sentence in form.errors["more"][0]
    assert "hunter2" not in form.errors["more"][0]


def test_open_quotes_cannot_be_split():
    with pytest.raises(ValidationError, match="No escaped character"):
        split_options("--a \\")


def test_a_command_within_another_one_is_part_of_its_job():
    outer = PurgeCaches()
    outer.job = 7

    inner = Upgrade.within(outer)

    assert (inner.job, inner.cleaned_data["cron_wait"]) == (7, 120)
