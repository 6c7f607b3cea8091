import json
import time
from collections.abc import Callable
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest
from django.db.models import Q

from commands import queue
from commands.models import Job, Run
from tenants.models import DatabaseServer, Release, Tag, Tenant
from tests.commands.conftest import Manage, assert_refused, states
from tests.commands.upgrade.conftest import set_config
from tests.conftest import AddTenant

pytestmark = pytest.mark.django_db(transaction=True)
ONE = "https://one.example.org"


@pytest.fixture
def fleet(add_tenant: AddTenant) -> list[Tenant]:
    """Return three tenants with a site, and the main tenant, which has none."""
    names = ("one", "two", "three")
    main = {"is_main": True, "install": False}
    return [*(add_tenant(name) for name in names), add_tenant("main", **main)]


@pytest.fixture
def named(add_tenant: AddTenant) -> list[Tenant]:
    """Return tenants that only have a name; the last but one is disabled."""
    made = [add_tenant(name, install=False) for name in ("one", "two", "three")]
    made.append(add_tenant("off", install=False, enabled=False))
    return [*made, add_tenant("main", install=False, is_main=True)]


@pytest.mark.usefixtures("workers")
def test_bulkupgrade_upgrades_the_fleet(manage: Manage, fleet: list[Tenant]):
    said = manage("bulkupgrade", "--to-release=4.3")

    assert said.code == 0, said
    *lines, last = said.out.splitlines()
    assert sorted(line.split()[:2] for line in lines) == [
        ["succeeded", f"https://{name}.example.org"] for name in ("one", "three", "two")
    ]
    assert last == f"Run {Run.objects.get().pk} finished: 3 succeeded"
    assert states() == dict.fromkeys(("one", "two", "three"), "succeeded")


@pytest.mark.usefixtures("workers")
def test_a_failure_is_told_and_exits_1(manage: Manage, fleet: list[Tenant]):
    set_config(fleet[1], "sandbox_upgrade_fails", "Disk full")

    said = manage("bulkupgrade", "--to-release=4.3", "--jobs=1")

    assert said.code == 1
    [failed] = [line for line in said.out.splitlines() if line.startswith("rolled")]
    assert "https://two.example.org" in failed
    assert "!!! Disk full !!!" in failed
    assert said.out.splitlines()[-1].endswith("finished: 2 succeeded, 1 rolled_back")


@pytest.mark.usefixtures("workers")
def test_the_result_may_be_had_as_json(manage: Manage, fleet: list[Tenant]):
    set_config(fleet[2], "sandbox_upgrade_fails", "Disk full")

    said = manage("bulkupgrade", "--to-release=4.3", "--json")

    report = json.loads(said.out)
    assert said.code == 1
    assert (report["run"], report["command"]) == (
        Run.objects.get().pk,
        "upgrade/Upgrade",
    )
    assert report["counts"]["succeeded"] == 2
    assert report["counts"]["rolled_back"] == 1
    one, three, two = report["tenants"]
    assert one["result"] == {"before": "2023042400", "after": "2023100900"}
    assert (three["state"], two["state"]) == ("rolled_back", "succeeded")
    assert "Disk full" in three["error"]


@pytest.mark.usefixtures("workers")
def test_what_did_not_succeed_may_be_retried(manage: Manage, fleet: list[Tenant]):
    set_config(fleet[0], "sandbox_upgrade_fails", "Disk full")
    manage("bulkupgrade", "--to-release=4.3", "--fullstop", "--jobs=1")
    first = Run.objects.get()
    set_config(fleet[0], "sandbox_upgrade_fails", "")

    said = manage("bulkupgrade", f"--retry={first.pk}")

    again = Run.objects.first()
    assert said.code == 0, said
    assert (again.retry_of, again.attributes) == (first, first.attributes)
    assert (again.parallel, again.counts()["succeeded"]) == (1, 3)
    assert first.counts()["cancelled"] == 2


@pytest.mark.usefixtures("workers")
def test_verbose_prints_all_output(manage: Manage, fleet: list[Tenant]):
    said = manage("bulkcheckstatus", "-v", f"--tohosts={ONE}")

    assert "Up to date: 4.2 (Build: 20230424) (2023042400)\n" in said.out


@pytest.mark.usefixtures("workers")
def test_each_tenant_has_a_log_file(
    manage: Manage, fleet: list[Tenant], tmp_path: Path
):
    said = manage("bulkupgrade", "--to-release=4.3", f"--logroot={tmp_path}/a/b")

    logs = sorted(path.name for path in (tmp_path / "a/b").iterdir())
    assert said.code == 0
    assert logs == ["upgrade_one.log", "upgrade_three.log", "upgrade_two.log"]
    text = (tmp_path / "a/b/upgrade_two.log").read_text()
    assert text.startswith(f"# run {Run.objects.get().pk}, https://two.example.org, ")
    assert "-->System\n" in text


@pytest.mark.parametrize(
    ("words", "chosen"),
    [
        ([], "one two three"),
        (["--with-master"], "one two three main"),
        (["-M"], "one two three main"),
        (["--tohosts=*"], "one two three"),
        (["-t", "https://two.example.org,HTTPS://One.example.org/"], "one two"),
        (["--tohosts=https://main.example.org"], "main"),
        (["--tohosts=https://off.example.org"], "off"),
        (["--tohostsmatch=t*"], "two three"),
        (["-m", "https://*e.example.org"], "one three"),
        (["-m", "o?e.example.org,tw?o.example.org"], "one two"),
        (["--exclude=t*"], "one"),
        (["-m", "t*", "-e", "*three*", "-M"], "two"),
        (["--tag=pilot"], "two"),
        (["--tag=pilot,main", "--with-master"], "two main"),
        (["--release=4.3"], "three"),
        (["--network=7"], "one"),
        (["--network", "-1"], "two"),
        (["--exclude=t*", "--also=two*"], "one two"),
        (["--also=two*", "--exclude=t*"], "one"),
        (["--release=4.2", "--tag=pilot", "--also=three*"], "two three"),
    ],
    ids=lambda value: " ".join(value) or "all" if isinstance(value, list) else "",
)
def test_the_chosen_tenants_are_queued(
    manage: Manage,
    named: list[Tenant],
    releases: dict[str, Release],
    words: list[str],
    chosen: str,
):
    one, two, three, _off, main = named
    two.tags.add(Tag.objects.create(name="pilot"))
    main.tags.add(Tag.objects.create(name="main"))
    Tenant.objects.filter(pk=one.pk).update(network=7)
    Tenant.objects.filter(pk=two.pk).update(network=-1)
    three.pin(releases["4.3"])

    said = manage("bulkpurgecaches", "--detach", *words)

    assert said.code == 0, said
    assert states() == dict.fromkeys(chosen.split(), "queued")


def test_a_file_names_the_tenants(manage: Manage, named: list[Tenant], tmp_path: Path):
    listed = tmp_path / "hosts.txt"
    listed.write_text(f"# by hand\n{ONE}\nhttps://off.example.org\n")

    said = manage("bulkpurgecaches", "--detach", f"--from-file={listed}")

    assert said.code == 0, said
    assert states() == {"one": "queued", "off": "queued"}


def test_standard_input_names_the_tenants(
    manage: Manage, named: list[Tenant], monkeypatch
):
    monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(f"{ONE}\n".encode())))

    said = manage("bulkpurgecaches", "--detach", "--from-file=-")

    assert said.code == 0, said
    assert states() == {"one": "queued"}


def test_a_former_run_names_the_tenants(manage: Manage, named: list[Tenant]):
    manage("bulkpurgecaches", "--detach", "--tohostsmatch=o*,main*", "--with-master")
    run = Run.objects.get()
    run.jobs.filter(tenant=named[4]).update(state=Job.State.FAILED)

    manage("bulkcheckstatus", "--detach", f"--in-run={run.pk}")
    of_run = states()
    manage("bulkcheckstatus", "--detach", f"--failed-in={run.pk}")

    assert of_run == {"one": "queued", "main": "queued"}
    assert states() == {"main": "queued"}


def test_a_run_without_failures_names_no_tenants(manage: Manage, named: list[Tenant]):
    manage("bulkpurgecaches", "--detach")
    run = Run.objects.get()

    said = manage("bulkpurgecaches", "--detach", f"--failed-in={run.pk}")

    assert_refused(said, f"No job of run {run.pk} failed", runs=1)


@pytest.mark.parametrize("as_json", [False, True])
def test_a_detached_run_is_queued_and_named(
    manage: Manage, named: list[Tenant], as_json: bool
):
    said = manage("bulkmaintenance", "--enable", "--detach", *["--json"] * as_json)

    run = Run.objects.get()
    assert said.code == 0
    assert said.out == (f'{{"run": {run.pk}}}\n' if as_json else f"Run {run.pk}\n")
    assert said.err == "It waits: no worker runs ('manage.py worker jobs')\n"
    assert (run.state, run.attributes) == (Run.State.RUNNING, "enable=1")


@pytest.mark.usefixtures("workers")
@pytest.mark.parametrize(
    ("words", "stopped", "cancelled"),
    [
        (["--fullstop"], "stopped: 1 failed", 2),
        (["-f"], "stopped: 1 failed", 2),
        (["--max-failures=2"], "stopped: 2 failed", 1),
        (["--max-failures=34%"], "stopped: 2 failed", 1),
        (["--max-failures=100%"], "stopped: 3 failed", 0),
        (["--canary=1"], "stopped: 1 of the canary wave did not succeed", 2),
        (["--canary=pilot"], "stopped: 1 of the canary wave did not succeed", 2),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_run_stops_when_too_much_fails(
    manage: Manage, named: list[Tenant], words: list[str], stopped: str, cancelled: int
):
    named[1].tags.add(Tag.objects.create(name="pilot"))

    said = manage("bulkcheckstatus", "--jobs=1", *words)

    run = Run.objects.get()
    assert said.code == 1
    assert said.out.splitlines()[-1] == run.stopped == stopped
    assert run.counts()["cancelled"] == cancelled
    if words == ["--canary=pilot"]:
        assert states()["two"] == "failed"


@pytest.mark.usefixtures("workers")
def test_a_green_canary_lets_the_others_go(manage: Manage, fleet: list[Tenant]):
    said = manage("bulkcheckstatus", "--canary=1")

    assert said.code == 0
    assert list(states().values()) == ["succeeded"] * 3


@pytest.mark.usefixtures("workers")
def test_a_cancelled_job_exits_1(manage: Manage, named: list[Tenant], monkeypatch):
    monkeypatch.setattr(queue, "enqueue_lanes", lambda run_id, number: None)
    monkeypatch.setattr("commands.shell.follow.time", Interrupter(cancel_each))

    said = manage("bulkpurgecaches")

    assert said.code == 1
    assert said.out.splitlines()[-1].endswith("finished: 3 cancelled")


def cancel_each() -> None:
    for job in Job.objects.with_edges():
        job.run.cancel("alice", Q(pk=job.pk))


class Interrupter:
    """A clock during whose ticks something happens."""

    monotonic = staticmethod(time.monotonic)

    def __init__(self, what: Callable[[], None]) -> None:
        self.what = what

    def sleep(self, seconds: float) -> None:
        if seconds:
            self.what()


@pytest.mark.usefixtures("workers")
def test_an_interrupted_shell_leaves_the_run_alone(
    manage: Manage, named: list[Tenant], monkeypatch
):
    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(queue, "enqueue_lanes", lambda run_id, number: None)
    monkeypatch.setattr("commands.shell.follow.time", Interrupter(interrupt))

    said = manage("bulkpurgecaches")

    run = Run.objects.get()
    assert said.code == 130
    assert f"Run {run.pk} goes on without this window; cancel it in the" in said.err
    assert (run.state, run.counts()["queued"]) == (Run.State.RUNNING, 3)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--tohosts=https://nobody.example.org"], "No such tenant: https://nobody"),
        (["--tohosts=ftp://x"], "ftp://x"),
        (["--tohosts="], "--tohosts is empty: leave it out, or give it a value"),
        (["--tohosts= , "], "--tohosts is empty: leave it out, or give it a value"),
        (["--exclude="], "--exclude is empty: leave it out, or give it a value"),
        (["--tohosts=*.org"], "'*.org' is a pattern: give it to --tohostsmatch"),
        (["--tohostsmatch=zzz*"], "No tenant fits zzz*: nothing was done"),
        (["--exclude=zzz.org"], "No tenant fits zzz.org: nothing was done"),
        (["--tag=nobody"], "There is no tag nobody (known: none)"),
        (["--release=9"], "There is no release 9 (known: 4.3, 4.2)"),
        (["--network=5"], "There is no network 5 (known: 0)"),
        (["--network=x"], "There is no network x (known: 0)"),
        (["--failed-in=99"], "There is no run 99"),
        (["--failed-in=x"], "There is no run x"),
        (["--in-run=-1"], "There is no run -1"),
        (["--in-run=" + "9" * 30], "There is no run 999"),
        (["--from-file=/nowhere"], "/nowhere cannot be read: No such file"),
        (["--exclude=*"], "No tenant is selected: nothing was done"),
        (["--tohostsmatch=a(b"], "'a(b' is not a pattern: use letters"),
        (["--jobs=0"], "--jobs 0: give a number from 1 to 200"),
        (["--jobs=201"], "--jobs 201: give a number from 1 to 200"),
        (["--jobs=many"], "argument -j/--jobs: invalid int value: 'many'"),
        (["--max-failures=0"], "--max-failures '0': give a number or N%, above 0"),
        (["--max-failures=-1"], "--max-failures '-1': give a number or N%"),
        (["--max-failures=x%"], "--max-failures 'x%': give a number or N%"),
        (["--max-failures=" + "9" * 20], "give a number or N%, above 0, at most 999"),
        (["--max-failures=²"], "--max-failures '²': give a number or N%"),
        (["--fullstop", "--max-failures=x"], "--max-failures 'x': give a number or"),
        (["--canary=nobody"], "canary nobody: no selected tenant has this tag"),
        (["--canary=0"], "canary 0: give a number above 0, or a tag"),
        (["--canary=-1"], "canary -1: give a number above 0, or a tag"),
        (["--canary="], "--canary is empty: leave it out, or give it a value"),
        (["--logroot=/proc/nowhere"], "--logroot /proc/nowhere cannot be written: "),
        (["--logroot=/etc/hostname"], "/etc/hostname cannot be written: File exists"),
        (["--logroot="], "--logroot is empty: leave it out, or give it a value"),
        (["--enablelater="], "--enablelater is empty: leave it out, or give it a"),
        (["--enable", "--disable"], "Choose one of enable, enablelater, enableold"),
        (["--enablelater=soon"], "enablelater: Enter a whole number."),
        (["--more=lang"], "more: 'lang' is not an option"),
        (["--nonsense"], "unrecognized arguments: --nonsense"),
        (["word"], "unrecognized arguments: word"),
        (["--retry=99"], "There is no run 99 of generic/Maintenance to retry"),
        (["--retry=0"], "There is no run 0 of generic/Maintenance to retry"),
        (["--retry=1", "--enable"], "--retry takes the tenants and the parameters of"),
        (["--retry=1", f"--tohosts={ONE}"], "--retry takes the tenants and the param"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_use_of_a_bulk_command_leaves_nothing_behind(
    manage: Manage, named: list[Tenant], words: list[str], sentence: str
):
    assert_refused(manage("bulkmaintenance", "--detach", *words), sentence)


def test_without_workers_nothing_is_started(manage: Manage, named: list[Tenant]):
    said = manage("bulkpurgecaches")

    assert_refused(said, "No worker is running, so nothing was started: start one with")


def test_a_retry_without_workers_leaves_no_draft(manage: Manage, named: list[Tenant]):
    manage("bulkpurgecaches", "--detach")
    run = Run.objects.get()
    run.cancel("tester")

    assert_refused(manage("bulkpurgecaches", f"--retry={run.pk}"), "No worker is", 1)


@pytest.mark.usefixtures("workers")
def test_a_run_without_failures_cannot_be_retried(manage: Manage, tenant: Tenant):
    manage("bulkcheckstatus")
    run = Run.objects.get()

    for command, sentence in (
        ("bulkcheckstatus", f"Run {run.pk} has nothing to retry"),
        ("bulkupgrade", f"There is no run {run.pk} of upgrade/Upgrade to retry"),
    ):
        assert_refused(manage(command, f"--retry={run.pk}"), sentence, 1)


def test_a_server_that_is_gone_fails_its_own_tenants_only(
    manage: Manage, named: list[Tenant]
):
    gone = DatabaseServer.objects.create(
        name="gone", host="127.0.0.1", port=1, admin_user="x"
    )
    Tenant.objects.filter(pk=named[0].pk).update(server=gone)

    said = manage("bulkpurgecaches", "--detach")

    assert said.code == 0
    assert len(states()) == 3
