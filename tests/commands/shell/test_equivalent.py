import shlex
from urllib.parse import parse_qsl, urlencode

import pytest
from django import forms
from django.core.management import load_command_class
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from commands.base import Command, all_commands
from commands.models import Run
from commands.shell.equivalent import LISTED, bulk_command, shell_line
from commands.shell.options import selection
from commands.system.delete_users import DeleteUsers

pytestmark = pytest.mark.django_db
ROOTS = ["https://one.example.org", "https://two.example.org"]


def options_of(line: str) -> tuple[str, dict, dict]:
    """Return the command, its parameters and its options, as the shell reads them."""
    program, name, *words = shlex.split(line)
    assert program == "manage.py"
    wrapper = load_command_class("commands", name)
    options = vars(wrapper.create_parser(program, name).parse_args(words))
    return name, wrapper.given(options), options


@pytest.mark.parametrize(
    ("command", "attributes", "name", "given"),
    [
        ("generic/PurgeCaches", "", "bulkpurgecaches", {}),
        (
            "generic/Maintenance",
            "enablelater=1",
            "bulkmaintenance",
            {"enablelater": "1"},
        ),
        (
            "upgrade/Upgrade",
            "to_release=4.3&purge_caches=1&cron_wait=1&more=--lang%3D%27a+b%27+-x",
            "bulkupgrade",
            {
                "to_release": "4.3",
                "purge_caches": "1",
                "cron_wait": "1",
                "more": "--lang='a b' -x",
            },
        ),
    ],
    ids=["no parameters", "the number one", "all kinds"],
)
def test_the_line_says_what_the_run_does(command, attributes, name, given):
    run = Run.objects.create(command=command, attributes=attributes, actor="x")

    line = shell_line(run, ROOTS)

    found = options_of(line)
    assert found[:2] == (name, given)
    assert found[2]["selectors"] == [("tohosts", ",".join(ROOTS))]


def test_the_line_says_how_it_is_run():
    run = Run.objects.create(
        command="generic/PurgeCaches", actor="x", parallel=3, max_failures=5
    )

    options = options_of(shell_line(run, ROOTS, canary=2))[2]

    assert (options["jobs"], options["max_failures"], options["canary"]) == (
        3,
        "5",
        "2",
    )


TEXTS = st.text(
    st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20
)


def values_of(name: str, field: forms.Field) -> st.SearchStrategy[list[str]]:
    """Return what a parameter may be, as it stands in a querystring: one or more."""
    if name == "arguments":  # a command line itself
        return st.lists(TEXTS, min_size=1, max_size=3).map(lambda w: [shlex.join(w)])
    if isinstance(field, forms.BooleanField):
        return st.just(["1"])
    if isinstance(field.widget, forms.SelectMultiple):
        return st.lists(TEXTS, min_size=1, max_size=3)
    return TEXTS.map(lambda text: [text])


def test_two_dashes_are_a_value_as_any_other(db):
    run = Run(command="system/DeleteUsers", attributes="action=0&rules=--")

    program, name, *words = shlex.split(shell_line(run, ROOTS))
    _name, wrapper = bulk_command(DeleteUsers)
    options = vars(wrapper.create_parser(program, name).parse_args(words))

    told = (
        wrapper.read(options) if name == "run_command" else wrapper.attributes(options)
    )
    assert ("rules", "--") in parse_qsl(told)


@pytest.mark.parametrize("command", all_commands(), ids=lambda c: c.name())
@settings(
    deadline=None,
    max_examples=20,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.data())
def test_the_line_gives_the_same_run(db, command: type[Command], data: st.DataObject):
    kinds: tuple[dict, dict] = {}, {}
    for name, field in command.base_fields.items():
        if name not in command.secret_names():
            kinds[field.required][name] = values_of(name, field)
    optional, required = kinds
    chosen = data.draw(st.fixed_dictionaries(required, optional=optional))
    run = Run(command=command.name(), attributes=urlencode(chosen, doseq=True))

    line = shell_line(run, ROOTS)

    program, name, *words = shlex.split(line)
    _name, wrapper = bulk_command(command)
    options = vars(wrapper.create_parser(program, name).parse_args(words))
    if name == "run_command":
        assert wrapper.chosen(options) is command
        told = wrapper.read(options)
    else:
        told = wrapper.attributes(options)
    assert sorted(parse_qsl(told)) == sorted(parse_qsl(run.attributes))
    assert options["selectors"] == [("tohosts", ",".join(ROOTS))]


@pytest.mark.usefixtures("probe")
def test_the_tenants_of_a_run_are_named(run_of, rows):
    run = run_of("commands/Probe", rows(2))

    assert shell_line(run).startswith(
        "manage.py run_command --tohosts=https://t0.example.org,https://t1.example.org "
    )


@pytest.mark.usefixtures("probe")
def test_a_long_list_of_tenants_is_told_by_the_run(run_of, rows):
    run = run_of("generic/PurgeCaches", rows(LISTED + 1))

    line = shell_line(run)

    assert line == f"manage.py bulkpurgecaches --in-run={run.pk} --jobs={run.parallel}"
    chosen = selection(options_of(line)[2]).resolve()
    assert [tenant.pk for tenant in chosen] == run.targets
