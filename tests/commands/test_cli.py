import os
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import load_command_class
from django.utils import timezone

from commands import cli, host
from commands.claim import claim_next
from commands.generic.purge_caches import PurgeCaches
from commands.models import Job, Run
from tenants import files, moodledb
from tenants.models import DatabaseServer, Release, Tenant
from tests.commands.conftest import Manage, assert_refused, states
from tests.commands.upgrade.conftest import config, replace_script

pytestmark = pytest.mark.django_db(transaction=True)
ONE, TWO = "https://one.example.org", "https://two.example.org"


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


INTERRUPT = "posix_kill(posix_getppid(), 2); echo 'before '; flush(); sleep(2);"


def test_an_interrupted_script_is_stopped(manage: Manage, tenant: Tenant):
    body = f"{INTERRUPT} sleep(20); echo 'after';"
    replace_script(tenant.release, "admin/cli/purge_caches.php", body)

    said = manage("purge_caches", f"--host={ONE}")

    assert said.code == 1
    assert said.err.endswith(f"{ONE}: cancelled by an operator while it ran\n")
    assert "after" not in said.out
    assert states() == {"one": "cancelled"}


def test_an_interrupted_upgrade_comes_to_the_end_of_its_step(
    manage: Manage, tenant: Tenant, releases: dict[str, Release]
):
    replace_script(
        releases["4.3"], "admin/cli/upgrade.php", f"{INTERRUPT} echo 'after';"
    )

    said = manage("upgrade", f"--host={ONE}", "--to-release=4.3")

    assert said.code == 1
    assert "before after" in said.out
    assert not files.in_maintenance(tenant)


@pytest.mark.parametrize(("begun", "left"), [(True, ["cancelled"]), (False, [])])
def test_an_interrupt_at_the_start_leaves_nothing_to_the_workers(
    manage: Manage, tenant: Tenant, interrupted_start, begun: bool, left: list[str]
):
    interrupted_start(begun=begun)

    with pytest.raises(KeyboardInterrupt):
        manage("purge_caches", f"--host={ONE}")

    assert list(Job.objects.values_list("state", flat=True)) == left
    assert Run.objects.count() == len(left)


@pytest.mark.usefixtures("slow_workers")
def test_an_interrupt_tells_whether_the_workers_have_it(
    manage: Manage, tenant: Tenant, interrupted_start
):
    interrupted_start(begun=False)
    with pytest.raises(KeyboardInterrupt):
        manage("bulkpurgecaches")
    assert Run.objects.count() == 0
    interrupted_start(begun=True)

    said = manage("bulkpurgecaches")

    run = Run.objects.get()
    assert said.code == 130
    assert f"Run {run.pk} goes on without this window; cancel it in" in said.err
    assert states() == {"one": "queued"}


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
        ([f"--host={ONE}", f"--host={TWO}"], "--host is given twice: it has one value"),
        ([f"--host={TWO}", "-H", ONE], "-H is given twice: it has one value"),
        ([f"--host={ONE}", "--dry-run"], "--dry-run is an option of many tenants"),
        ([f"--host={ONE}", "--jobs=3"], "--jobs is an option of many tenants"),
        ([f"--host={ONE}", "--to-relase=4.3"], "(did you mean --to-release?)"),
        ([f"--host={ONE}", "--lang", "fr"], "unrecognized arguments: fr (join a value"),
        (
            [f"--host={ONE}", "--to-release=5.0"],
            "There is no release 5.0 (known: 4.3, 4.2)",
        ),
        (
            [f"--host={ONE}", "--cron-wait=-1"],
            "cron_wait: Ensure this value is greater",
        ),
        ([f"--host={ONE}", "--to-release="], "--to-release is empty: leave it out, or"),
        (["--host="], "--host is empty: leave it out, or give it a value"),
        ([f"--host={ONE}", "--cron-wait"], "--cron-wait: expected one argument"),
        ([f"--host={ONE}", "--", "--x"], "'--' is set by VMoodle"),
    ],
    ids=lambda value: " ".join(value) or "nothing" if isinstance(value, list) else "",
)
def test_bad_use_is_refused(manage: Manage, tenant: Tenant, words, sentence: str):
    assert_refused(manage("upgrade", *words), sentence)


@pytest.mark.skipif(os.getuid() != 0, reason="needs root")
def test_root_is_refused_where_another_user_does_the_work(
    manage: Manage, tenant: Tenant, settings, tmp_path: Path
):
    settings.VAR_DIR = tmp_path
    shutil.chown(tmp_path, "nobody")

    said = manage("purge_caches", f"--host={ONE}")

    assert_refused(said, "VMOODLE_VAR_DIR belongs to nobody: use sudo -u nobody")


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


def test_what_a_worker_has_taken_is_left_to_it(
    manage: Manage, tenant: Tenant, monkeypatch
):
    def late(run: Run, _worker: str) -> None:
        claim_next(run, "there:1:1")

    monkeypatch.setattr(cli, "claim_next", late)

    said = manage("purge_caches", f"--host={ONE}")

    assert said.code == 2
    run = Run.objects.get()
    assert f"{ONE}: a worker does it by now: see run {run}" in said.err
    job = run.jobs.get()
    assert (job.state, job.cancel_requested) == ("running", False)
    assert run.stopped == ""


@pytest.mark.usefixtures("probe")
def test_a_tenant_that_is_busy_is_refused(manage: Manage, tenant: Tenant, run_of):
    other = run_of("commands/Probe", [tenant])
    claim_next(other, "there:1:1")

    said = manage("purge_caches", f"--host={ONE}")

    assert_refused(said, f"{ONE} is busy with run #{other.pk} commands/Probe: wait", 2)
    assert states() == {"one": "cancelled"}
    assert Tenant.objects.get().held_by == other.jobs.get().pk


@pytest.mark.usefixtures("probe")
def test_a_server_that_has_its_jobs_is_given_no_other(
    manage: Manage, tenant: Tenant, add_tenant, run_of
):
    DatabaseServer.objects.update(job_limit=1)
    claim_next(run_of("commands/Probe", [add_tenant("two")]), "there:1:1")

    said = manage("purge_caches", f"--host={ONE}")

    sentence = f"{ONE}: as many jobs run on the database server db1 as it may have, 1:"
    assert_refused(said, sentence, 2)
    assert states() == {"one": "cancelled"}


def test_a_job_that_is_for_later_is_left_to_the_workers(
    manage: Manage, tenant: Tenant, monkeypatch
):
    later = timezone.now() + timedelta(hours=1)
    monkeypatch.setattr(PurgeCaches, "not_before", lambda command: later)

    said = manage("purge_caches", f"--host={ONE}")

    assert said.code == 0
    assert said.out.startswith(f"Run {Run.objects.get().pk} waits for its time: ")
    assert states() == {"one": "queued"}


def test_a_tenant_that_is_busy_may_be_looked_at(manage: Manage, tenant: Tenant):
    Tenant.objects.update(held_by=99)

    assert manage("check_status", f"--host={ONE}").code == 0


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
