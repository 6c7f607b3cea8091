"""Bulk commands that only tell what they would do, or ask before they do it."""

import io
import json
from pathlib import Path

import pytest

from commands.generic.purge_caches import PurgeCaches
from commands.models import Job, Run
from commands.shell.plan import LISTED, number_of, parameters
from tenants.models import Tag, Tenant
from tests.commands.conftest import Manage, assert_refused, states
from tests.conftest import AddTenant

pytestmark = pytest.mark.django_db(transaction=True)
ONE, TWO = "https://one.example.org", "https://two.example.org"


@pytest.fixture
def fleet(add_tenant: AddTenant) -> list[Tenant]:
    """Return a tenant with a site, which is up to date, and one without."""
    return [add_tenant("one"), add_tenant("two", install=False)]


def test_a_dry_run_prints_the_list_and_why_tenants_would_be_skipped(
    manage: Manage, fleet: list[Tenant]
):
    said = manage("bulkupgrade", "--dry-run", "--purge-caches")

    assert said.code == 0
    assert said.out.splitlines() == [
        "upgrade/Upgrade on 2 tenants: 1 queued, 1 skipped",
        "  purge_caches=1",
        "  cron_wait=120",
        f"skipped   {ONE}: up to date: 4.2 (Build: 20230424)",
        f"queued    {TWO}",
        "Dry run: nothing was done",
    ]
    assert not Run.objects.exists()


def test_a_dry_run_may_be_had_as_json(manage: Manage, fleet: list[Tenant]):
    said = manage("bulkupgrade", "--dry-run", "--json", "--to-release=4.3")

    plan = json.loads(said.out)
    assert said.code == 0
    assert plan["dry_run"] is True
    assert plan["command"] == "upgrade/Upgrade"
    assert plan["parameters"] == {"to_release": "4.3", "cron_wait": "120"}
    assert plan["counts"]["queued"] == 2
    assert sum(plan["counts"].values()) == 2
    assert plan["tenants"] == [
        {"wwwroot": root, "state": "queued", "error": "", "told": "", "canary": False}
        for root in (ONE, TWO)
    ]
    assert not Run.objects.exists()


def test_a_dry_run_tells_who_goes_first(manage: Manage, fleet: list[Tenant]):
    fleet[1].tags.add(Tag.objects.create(name="pilot"))

    by_tag = manage("bulkpurgecaches", "--dry-run", "--canary=pilot")
    by_number = manage("bulkupgrade", "--dry-run", "--canary=1")

    assert f"queued    {TWO} (canary)\n" in by_tag.out
    assert f"queued    {ONE}\n" in by_tag.out
    assert f"queued    {TWO} (canary)\n" in by_number.out


def test_a_dry_run_of_a_retry_takes_the_former_list(
    manage: Manage, fleet: list[Tenant]
):
    manage("bulkpurgecaches", "--detach", "--theme")
    run = Run.objects.get()
    run.jobs.filter(tenant=fleet[1]).update(state=Job.State.FAILED)

    said = manage("bulkpurgecaches", "--dry-run", f"--retry={run.pk}")

    assert said.out.splitlines()[:3] == [
        "generic/PurgeCaches on 1 tenant: 1 queued",
        "  theme=1",
        f"queued    {TWO}",
    ]
    assert list(Run.objects.all()) == [run]


def test_a_dry_run_leaves_no_log_directory(
    manage: Manage, fleet: list[Tenant], tmp_path: Path
):
    said = manage("bulkpurgecaches", "--dry-run", f"--logroot={tmp_path}/logs")

    assert said.code == 0
    assert not (tmp_path / "logs").exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--max-failures=0"], "--max-failures '0'"),
        (["--jobs=0"], "--jobs 0"),
        (["--canary=nobody"], "canary nobody"),
        (["--to-release=9"], "There is no release 9 (known: 4.3, 4.2)"),
        (["--tag=nobody"], "There is no tag nobody"),
        (["--exclude=*"], "No tenant is selected"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_dry_run_refuses_what_the_run_would_refuse(
    manage: Manage, fleet: list[Tenant], words: list[str], sentence: str
):
    assert_refused(manage("bulkupgrade", "--dry-run", *words), sentence)


def test_secrets_are_not_shown(rows):
    run = Run(
        command="generic/PurgeCaches", attributes="a=1&b=2&b=3", secrets="password=hush"
    )

    shown = parameters(run)

    assert shown == {"a": "1", "b": ["2", "3"], "password": "***"}


@pytest.fixture
def dangerous(monkeypatch) -> None:
    monkeypatch.setattr(PurgeCaches, "dangerous", True)


@pytest.mark.usefixtures("dangerous")
def test_a_dangerous_command_without_a_terminal_wants_yes(
    manage: Manage, fleet: list[Tenant]
):
    refused = manage("bulkpurgecaches", "--detach")
    assert_refused(
        refused,
        "generic/PurgeCaches is dangerous and there is no terminal to confirm it on: "
        "add --yes to run it on 2 tenants; nothing was done\n",
    )

    said = manage("bulkpurgecaches", "--detach", "--yes")

    assert said.code == 0
    assert states() == {"one": "queued", "two": "queued"}


@pytest.mark.usefixtures("dangerous", "slow_workers")
def test_a_dangerous_command_asks_for_the_number_of_tenants(
    manage: Manage, fleet: list[Tenant], terminal
):
    terminal("2\n")

    said = manage("bulkpurgecaches", "--detach", "--json")

    assert said.code == 0
    assert json.loads(said.out) == {"run": Run.objects.get().pk}
    assert said.err == (
        "generic/PurgeCaches: Purge the caches of the site.\n"
        f"This is dangerous. Tenants: {ONE}, {TWO}\n"
        "Type their number, 2, to go on: "
    )


@pytest.mark.usefixtures("dangerous")
def test_a_question_tells_of_the_main_tenant_and_of_disabled_ones(
    manage: Manage, fleet: list[Tenant], terminal
):
    Tenant.objects.filter(wwwroot=ONE).update(is_main=True)
    Tenant.objects.filter(wwwroot=TWO).update(enabled=False)
    terminal("no\n")

    said = manage("bulkpurgecaches", "--detach", f"--tohosts={ONE},{TWO}")

    assert f"Tenants: {ONE} (the main tenant), {TWO} (disabled)\n" in said.err


@pytest.mark.usefixtures("dangerous")
@pytest.mark.parametrize("typed", ["1\n", "y\n", "\n", ""])
def test_what_is_not_confirmed_is_not_done(
    manage: Manage, fleet: list[Tenant], terminal, tmp_path: Path, typed: str
):
    terminal(typed)

    said = manage("bulkpurgecaches", "--detach", f"--logroot={tmp_path}/logs")

    assert_refused(said, "CommandError: Not confirmed: nothing was done")
    assert not (tmp_path / "logs").exists()


@pytest.mark.usefixtures("dangerous")
def test_an_interrupted_question_is_a_no(
    manage: Manage, fleet: list[Tenant], monkeypatch
):
    class Interrupted(io.StringIO):
        def isatty(self) -> bool:
            return True

        def readline(self, *args) -> str:
            raise KeyboardInterrupt

    monkeypatch.setattr("sys.stdin", Interrupted())

    assert_refused(manage("bulkpurgecaches", "--detach"), "Not confirmed")


@pytest.mark.usefixtures("dangerous", "server", "workers")
def test_a_question_about_many_tenants_names_some(
    manage: Manage, rows, releases, terminal
):
    rows(LISTED + 5, release=releases["4.2"])
    terminal("no\n")

    said = manage("bulkpurgecaches")

    assert f"https://t{LISTED - 1}.example.org and 5 more\n" in said.err
    assert f"https://t{LISTED}.example.org" not in said.err


@pytest.mark.usefixtures("dangerous")
def test_a_dry_run_and_a_command_on_one_tenant_are_not_asked_about(
    manage: Manage, fleet: list[Tenant]
):
    assert manage("bulkpurgecaches", "--dry-run").code == 0
    assert manage("purge_caches", f"--host={ONE}").code == 0


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 runs"), (1, "1 run"), (2, "2 runs")]
)
def test_one_is_told_in_the_singular(number: int, said: str):
    assert number_of(number, "run") == said
