import shlex

import pytest
from django.core.management import load_command_class

from commands.models import Run
from commands.options import selection
from commands.shell import LISTED, shell_line

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

    options = options_of(shell_line(run, ROOTS, canary="2"))[2]

    assert (options["jobs"], options["max_failures"], options["canary"]) == (
        3,
        "5",
        "2",
    )


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
