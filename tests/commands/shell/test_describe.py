"""`manage.py commands`: what there is to run, and what it takes."""

import json

import pytest
from django import forms

from commands.base import Command, all_commands
from commands.shell.describe import choices, describe, parameter, text
from tests.commands.conftest import Manage

NAMES = [command.name() for command in all_commands()]


def test_all_commands_are_listed_with_their_parameters(manage: Manage):
    said = manage("commands")

    lines = said.out.splitlines()
    heads = [line.partition(": ")[0] for line in lines if not line.startswith(" ")]
    assert said.code == 0
    assert [head.removesuffix(" (dangerous)") for head in heads] == NAMES
    assert "    key, value, empty" in lines


def test_a_category_is_listed(manage: Manage):
    said = manage("commands", "Upgrade")

    assert [line for line in said.out.splitlines() if line[0] != " "] == [
        "upgrade/CheckStatus: Tell whether the site fits the code of its release.",
        "upgrade/Upgrade: Upgrade the site's database to the code of its release.",
    ]


@pytest.mark.parametrize("name", ["upgrade/Upgrade", "UPGRADE/up_grade"])
def test_one_command_is_explained(manage: Manage, releases, name: str):
    said = manage("commands", name)

    assert said.code == 0
    assert said.out.startswith("upgrade/Upgrade\n\nUpgrade the site's database to")
    assert "Example of attributes: to_release=4.5&purge_caches=1" in said.out
    assert (
        "  cron_wait (whole number, default 120, at least 0, at most 3600)\n"
        "      Seconds to wait for running cron tasks before giving up.\n"
    ) in said.out
    assert "      One of: 4.3, 4.2\n" in said.out
    assert said.out.endswith(
        "\nDangerous: no\n"
        "Many tenants: manage.py bulkupgrade\n"
        "One tenant: manage.py upgrade --host=URL\n"
    )


def test_a_command_without_a_script_names_run_command(manage: Manage):
    said = manage("commands", "generic/SetConfig")

    assert said.out.endswith(
        "\nMany tenants: manage.py run_command --command=generic/SetConfig\n"
    )


def test_a_command_tells_its_name_in_php(manage: Manage):
    said = manage("commands", "roles/Role_Sync")

    assert said.out.startswith("roles/Sync\n")
    assert said.out.endswith("\nIn PHP: roles/Role_Sync\n")


def test_the_list_may_be_had_as_json(manage: Manage):
    listed = json.loads(manage("commands", "--json").out)
    [first, *_rest] = json.loads(manage("commands", "upgrade", "--json").out)
    one = json.loads(manage("commands", "upgrade/CheckStatus", "--json").out)

    assert [about["name"] for about in listed] == NAMES
    assert one == first
    assert (one["one_tenant"], one["many_tenants"]) == (
        "check_status",
        "bulkcheckstatus",
    )


def test_what_is_no_command_is_refused(manage: Manage):
    said = manage("commands", "upgrade/Upgrad")

    assert said.code == 2
    assert said.out == ""
    assert "did you mean upgrade/Upgrade?" in said.err


class Thing(Command):
    """Do a thing."""

    kind = forms.ChoiceField(choices=[("", "---"), ("a", "A")], help_text="Which.")
    many = forms.MultipleChoiceField(
        choices=[("", "---"), ("Group", [("a", "A"), ("b", "B")])],
        required=False,
        help_text="Some.",
    )
    word = forms.CharField(max_length=5, widget=forms.PasswordInput, help_text="Word.")
    share = forms.FloatField(initial=0.5, required=False, help_text="Per cent.")
    really = forms.BooleanField(required=False, help_text="Yes.")

    def is_dangerous(self) -> bool:
        return bool(self.cleaned_data["really"])


def test_parameters_are_told_with_their_limits():
    about = {row["name"]: row for row in describe(Thing)["parameters"]}

    assert about["kind"]["choices"] == ["a"]
    assert (about["many"]["choices"], about["many"]["multiple"]) == (["a", "b"], True)
    assert (about["word"]["secret"], about["word"]["max_length"]) == (True, 5)
    assert (about["share"]["default"], about["share"]["type"]) == ("0.5", "number")
    assert (about["really"]["type"], about["really"]["default"]) == ("yes/no", None)


def test_the_text_tells_the_limits():
    assert text(Thing).split("\n\n")[2].splitlines() == [
        "Parameters:",
        "  kind (text, required)",
        "      Which.",
        "      One of: a",
        "  many (text, multiple)",
        "      Some.",
        "      One of: a, b",
        "  word (text, required, secret, at most 5 characters)",
        "      Word.",
        "  share (number, default 0.5)",
        "      Per cent.",
        "  really (yes/no)",
        "      Yes.",
    ]
    assert "\n\nDangerous: with some parameters\n" in text(Thing)


def test_a_field_without_choices_takes_anything():
    assert choices(forms.CharField()) is None
    assert parameter("x", forms.CharField())["choices"] is None


def test_many_choices_are_cut():
    class Wide(Command):
        """Choose one of many."""

        one = forms.ChoiceField(
            choices=[(str(n), "") for n in range(40)], help_text="One."
        )

    assert "28, 29, ...\n" in text(Wide)
