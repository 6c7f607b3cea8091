import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from django.core.management import execute_from_command_line, load_command_class
from django.db import transaction

from commands import host, queue, tasks
from commands.claim import claim_next
from commands.models import Cluster, Job, Run
from tenants import files, moodledb
from tenants.models import DatabaseServer, Release, Tag, Tenant
from tests.commands.upgrade.conftest import config, replace_script, set_config
from tests.conftest import AddTenant

pytestmark = pytest.mark.django_db(transaction=True)
ONE = "https://one.example.org"


@dataclass
class Said:
    code: int
    out: str
    err: str


Manage = Callable[..., Said]


@pytest.fixture
def manage(transactional_db, capsys) -> Manage:
    """Return a function that types a line in a shell."""

    def typed(*words: str) -> Said:
        code = 0
        try:
            execute_from_command_line(["manage.py", *words])
        except SystemExit as end:
            code = int(end.code or 0)
        return Said(code, *capsys.readouterr())

    return typed


@pytest.fixture
def workers(monkeypatch) -> None:
    """Let a run be done as soon as it is started, as by one worker."""

    def enqueue(run_id: int, number: int) -> None:
        transaction.on_commit(partial(tasks.lane, run_id))

    monkeypatch.setattr(queue, "enqueue_lanes", enqueue)
    monkeypatch.setattr(Cluster, "alive", lambda name: True)


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


def states() -> dict[str, str]:
    """Return the states of the jobs of the latest run, by short name."""
    jobs = Run.objects.first().jobs.select_related("tenant")
    return {job.tenant.shortname: job.state for job in jobs}


def assert_refused(said: Said, sentence: str, runs: int = 0) -> None:
    assert said.code == 2, said
    assert sentence in said.err
    assert "Traceback" not in said.err
    assert said.out == ""
    assert Run.objects.count() == runs


# One tenant, in the foreground.


def test_upgrade_shows_what_moodle_prints(manage: Manage, tenant: Tenant):
    said = manage("upgrade", f"--host={ONE}", "--to-release=4.3")

    assert said.code == 0, said.err
    assert "-->System\n++ Success ++\n" in said.out
    assert config(tenant, "version") == "2023100900"
    run = Run.objects.get()
    assert (run.origin, run.state) == ("shell", Run.State.FINISHED)
    assert run.actor.endswith(f"@{host.HOST}")
    assert Tenant.objects.get().held_by is None


def test_upgrade_of_a_site_that_needs_none_says_so(manage: Manage, tenant: Tenant):
    said = manage("upgrade", "-H", ONE)

    assert said.code == 0
    assert said.err == "Nothing to do: up to date: 4.2 (Build: 20230424)\n"


@pytest.mark.parametrize(("release", "code"), [("4.2", 0), ("4.3", 2)])
def test_upgrade_exits_as_its_script_does(
    manage: Manage, tenant: Tenant, releases: dict[str, Release], release: str, code
):
    tenant.pin(releases[release])

    assert manage("upgrade", "-H", ONE, "--is-pending").code == code


def test_an_upgrade_that_fails_exits_with_the_script_s_code(
    manage: Manage, tenant: Tenant, releases: dict[str, Release]
):
    tenant.pin(releases["4.3"])
    body = 'fwrite(STDERR, "Plugin X is missing\\n"); exit(3);'
    replace_script(releases["4.3"], "admin/cli/upgrade.php", body)

    said = manage("upgrade", f"--host={ONE}")

    assert said.code == 3
    assert said.err == (
        f"CommandError: {ONE}: admin/cli/upgrade.php ended with exit code 3: Plugin X "
        "is missing\n"
    )
    assert not files.in_maintenance(tenant)


def test_maintenance_is_switched(manage: Manage, tenant: Tenant):
    on = manage("maintenance", f"--host={ONE}", "--enable")
    assert files.in_maintenance(tenant)

    off = manage("maintenance", f"--host={ONE}", "-x")

    assert not files.in_maintenance(tenant)
    assert (on.code, off.code) == (0, 0)
    assert on.out == "Your site is currently in CLI maintenance mode.\n"


def test_purge_caches_purges_what_is_asked(manage: Manage, tenant: Tenant):
    before = moodledb.config_of(tenant, ["themerev", "jsrev"])

    said = manage("purge_caches", f"--host={ONE}", "--js")

    after = moodledb.config_of(tenant, ["themerev", "jsrev"])
    assert said.code == 0
    assert after["themerev"] == before["themerev"]
    assert "jsrev" in after.keys() - before.keys()


def test_check_status_tells_the_status(manage: Manage, tenant: Tenant):
    said = manage("check_status", f"--host={ONE}")

    assert said.code == 0
    assert said.out.startswith("Up to date: 4.2 (Build: 20230424) (2023042400)\n")


def test_options_of_moodle_s_script_are_passed_on(
    manage: Manage, tenant: Tenant, releases: dict[str, Release]
):
    body = "echo implode(' ', array_slice($argv, 1)); exit(0);"
    replace_script(releases["4.2"], "admin/cli/purge_caches.php", body)

    said = manage(
        "purge_caches", "--courses=1,2", "-z", "--host", ONE, "--theme", "--more=--late"
    )

    assert said.code == 0, said.err
    assert said.out == "--theme --late --courses=1,2 -z\n"


def test_options_of_a_command_without_a_script_are_not_passed_on(
    manage: Manage, tenant: Tenant
):
    said = manage("check_status", f"--host={ONE}", "--lang=fr")

    assert_refused(said, "unrecognized arguments: --lang=fr")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "the following arguments are required: -H/--host"),
        (["--host"], "argument -H/--host: expected one argument"),
        (["--host=https://nobody.example.org"], "No such tenant: https://nobody."),
        (["--host=one.example.org"], "one.example.org"),
        ([f"--host={ONE}", "--lang", "fr"], "unrecognized arguments: fr (join a value"),
        ([f"--host={ONE}", "--to-release=5.0"], "to_release: Select a valid choice"),
        (
            [f"--host={ONE}", "--cron-wait=-1"],
            "cron_wait: Ensure this value is greater",
        ),
        ([f"--host={ONE}", "--cron-wait"], "--cron-wait: expected one argument"),
        ([f"--host={ONE}", "--", "--x"], "'--' is set by VMoodle"),
    ],
    ids=lambda value: " ".join(value) or "nothing" if isinstance(value, list) else "",
)
def test_bad_use_is_refused(manage: Manage, tenant: Tenant, words, sentence: str):
    assert_refused(manage("upgrade", *words), sentence)


@pytest.mark.parametrize("command", ["upgrade", "purge_caches", "bulkpurgecaches"])
def test_a_tree_that_is_gone_is_refused(
    manage: Manage, tenant: Tenant, workers, command: str
):
    tree = Path(tenant.release.path)
    tree.rename(tree.with_name("gone"))
    which = [] if command.startswith("bulk") else [f"--host={ONE}"]

    said = manage(command, *which)

    assert_refused(said, f"{tree}: there is no such directory; give the directory of")


@pytest.mark.parametrize("command", ["upgrade", "maintenance", "bulkcheckstatus"])
@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"socket": "", "host": "127.0.0.1", "port": 1}, "db1: Can't connect to"),
        ({"admin_password": "wrong"}, "db1: Access denied for user 'vmoodle'@"),
    ],
    ids=["unreachable", "wrong password"],
)
def test_a_database_server_that_does_not_let_us_in_is_refused(
    manage: Manage, tenant: Tenant, workers, command: str, fields, sentence: str
):
    DatabaseServer.objects.update(**fields)
    which = [] if command.startswith("bulk") else [f"--host={ONE}"]

    said = manage(command, *which)

    assert_refused(said, f"CommandError: database server {sentence}")
    assert "wrong" not in said.err


@pytest.mark.usefixtures("probe")
def test_a_tenant_that_is_busy_is_refused(manage: Manage, tenant: Tenant, run_of):
    other = run_of("commands/Probe", [tenant])
    claim_next(other.pk, "there:1:1")

    said = manage("purge_caches", f"--host={ONE}")

    assert_refused(said, f"{ONE} is busy with run #{other.pk} commands/Probe: wait", 2)
    assert states() == {"one": "cancelled"}
    assert Tenant.objects.get().held_by == other.jobs.get().pk


def test_a_tenant_that_is_busy_may_be_looked_at(manage: Manage, tenant: Tenant):
    Tenant.objects.update(held_by=99)

    assert manage("check_status", f"--host={ONE}").code == 0


# Many tenants, through the workers.


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
    [failed] = [line for line in said.out.splitlines() if line.startswith("failed")]
    assert "https://two.example.org" in failed
    assert "!!! Disk full !!!" in failed
    assert said.out.splitlines()[-1].endswith("finished: 2 succeeded, 1 failed")


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
    assert report["counts"]["failed"] == 1
    one, three, two = report["tenants"]
    assert one["result"] == {"before": "2023042400", "after": "2023100900"}
    assert (three["state"], two["state"]) == ("failed", "succeeded")
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
    ],
    ids=lambda value: " ".join(value) or "all" if isinstance(value, list) else "",
)
def test_the_chosen_tenants_are_queued(
    manage: Manage, named: list[Tenant], words: list[str], chosen: str
):
    said = manage("bulkpurgecaches", "--detach", *words)

    assert said.code == 0, said
    assert states() == dict.fromkeys(chosen.split(), "queued")


@pytest.mark.parametrize("as_json", [False, True])
def test_a_detached_run_is_queued_and_named(
    manage: Manage, named: list[Tenant], as_json: bool
):
    said = manage("bulkmaintenance", "--enable", "--detach", *["--json"] * as_json)

    run = Run.objects.get()
    assert said.code == 0
    assert said.out == (f'{{"run": {run.pk}}}\n' if as_json else f"Run {run.pk}\n")
    assert (run.state, run.attributes) == (Run.State.RUNNING, "enable=1")


@pytest.mark.usefixtures("workers")
@pytest.mark.parametrize(
    ("words", "stopped", "cancelled"),
    [
        (["--fullstop"], "stopped after 1 failures", 2),
        (["-f"], "stopped after 1 failures", 2),
        (["--max-failures=2"], "stopped after 2 failures", 1),
        (["--max-failures=34%"], "stopped after 2 failures", 1),
        (["--max-failures=100%"], "stopped after 3 failures", 0),
        (["--canary=1"], "stopped: 1 jobs of the canary wave did not succeed", 2),
        (["--canary=pilot"], "stopped: 1 jobs of the canary wave did not succeed", 2),
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
    monkeypatch.setattr("commands.follow.time", Interrupter(lambda: cancel_each()))

    said = manage("bulkpurgecaches")

    assert said.code == 1
    assert said.out.splitlines()[-1].endswith("finished: 3 cancelled")


def cancel_each() -> None:
    for job in Job.objects.with_edges():
        job.request_cancel()


class Interrupter:
    """A clock during whose ticks something happens."""

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
    monkeypatch.setattr("commands.follow.time", Interrupter(interrupt))

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
        (["--tohostsmatch=zzz*"], "No tenant is selected: nothing was done"),
        (["--exclude=*"], "No tenant is selected: nothing was done"),
        (["--tohostsmatch=a(b"], "'a(b' is not a pattern: use letters"),
        (["--jobs=0"], "--jobs 0: give a number from 1 to 200"),
        (["--jobs=201"], "--jobs 201: give a number from 1 to 200"),
        (["--jobs=many"], "argument -j/--jobs: invalid int value: 'many'"),
        (["--max-failures=0"], "--max-failures '0': give a number or N%, above 0"),
        (["--max-failures=-1"], "--max-failures '-1': give a number or N%"),
        (["--max-failures=x%"], "--max-failures 'x%': give a number or N%"),
        (["--max-failures=²"], "--max-failures '²': give a number or N%"),
        (["--canary=nobody"], "--canary nobody: no selected tenant has this tag"),
        (["--canary=0"], "--canary 0: no selected tenant has this tag"),
        (["--canary="], "--canary : no selected tenant has this tag"),
        (["--logroot=/proc/nowhere"], "--logroot /proc/nowhere: No such file"),
        (["--logroot=/etc/hostname"], "--logroot /etc/hostname: File exists"),
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


@pytest.mark.parametrize(
    ("command", "words", "expected"),
    [
        ("bulkupgrade", ["-a", "-P"], {"allow_unstable": "1", "purge_caches": "1"}),
        ("upgrade", ["-H", "x", "-u"], {"allow_unstable": "1"}),
        ("bulkmaintenance", ["-x"], {"disable": "1"}),
        ("bulkmaintenance", ["--enablelater=5"], {"enablelater": "5"}),
        (
            "bulkupgrade",
            ["--more=--lang=fr -x", "--more=-y"],
            {"more": "--lang=fr -x -y"},
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_fields_are_options(command: str, words: list[str], expected: dict[str, str]):
    wrapper = load_command_class("commands", command)
    parser = wrapper.create_parser("manage.py", command)

    options = vars(parser.parse_args(words))

    assert wrapper.given(options) == expected


@pytest.mark.parametrize(
    ("words", "name", "value"),
    [
        (["-s"], "fullstop", True),
        (["-f"], "fullstop", True),
        (["-v"], "verbose", True),
        (["-d"], "debug", True),
        (["-l", "/x"], "logroot", "/x"),
        (["-M"], "with_master", True),
        (["--withmaster"], "with_master", True),
        (["-j", "3"], "jobs", 3),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
@pytest.mark.parametrize(
    "command", ["bulkupgrade", "bulkpurgecaches", "bulkmaintenance"]
)
def test_options_are_spelt_as_in_php(command: str, words: list[str], name: str, value):
    wrapper = load_command_class("commands", command)
    parser = wrapper.create_parser("manage.py", command)

    assert vars(parser.parse_args(words))[name] == value
