import time

import pytest

from commands.models import Job
from tenants import files, moodledb
from tenants.models import Tenant
from tests.commands.conftest import Manage
from tests.commands.system.conftest import job_of, options_of, put_script, sql
from tests.commands.upgrade.conftest import set_config
from tests.conftest import RunOf

CRON, SCRIPT = "system/Cron", "admin/cli/cron.php"
CLEANUP = r"\core\task\session_cleanup_task"


def make_due(tenant: Tenant) -> None:
    past = int(time.time()) - 60
    sql(tenant, "UPDATE {task_scheduled} SET nextruntime = %s", past)
    sql(
        tenant,
        "INSERT INTO {task_adhoc} (component, classname, nextruntime)"
        " VALUES ('moodle', 'x', %s)",
        past,
    )


def test_what_is_due_is_done(finished: RunOf, tenant: Tenant):
    make_due(tenant)
    before = int(time.time())

    job = job_of(finished(CRON, [tenant]))

    assert (job.state, job.result) == (Job.State.SUCCEEDED, {"exit_code": 0})
    assert "Ran 1 adhoc tasks" in job.text()[0]
    tasks = moodledb.table(tenant, "task_scheduled")
    rows = moodledb.query(tenant.server, f"SELECT lastruntime FROM {tasks}")
    assert len(rows) == 2
    assert min(rows)[0] >= before


@pytest.mark.parametrize(
    ("failing", "said"),
    [
        (
            CLEANUP,
            "Cleanup old sessions (core\\task\\session_cleanup_task),The sandbox",
        ),
        ("x", "x,The sandbox was told to fail"),
    ],
    ids=["scheduled", "ad-hoc"],
)
def test_a_task_that_fails_fails_it(
    finished: RunOf, tenant: Tenant, failing: str, said: str
):
    make_due(tenant)
    set_config(tenant, "sandbox_task_fails", failing)

    job = job_of(finished(CRON, [tenant]))

    assert job.state == Job.State.FAILED
    assert job.error.startswith("1 tasks failed, the first of them: ")
    assert said in job.error


def test_a_cron_that_ends_early_fails(finished: RunOf, tenant: Tenant):
    put_script(tenant, SCRIPT, 'echo "Server Time: now\\n"; exit(0);')

    job = job_of(finished(CRON, [tenant]))

    assert job.error == "cron ended before it had completed its run"


def test_a_cron_beside_which_others_run_is_skipped(finished: RunOf, tenant: Tenant):
    busy = "Skipping processing of %s tasks. Concurrency limit reached."
    words = "".join(f"{busy % kind}\\n" for kind in ("scheduled", "adhoc"))
    put_script(tenant, SCRIPT, f'echo "{words}Cron run completed correctly\\n";')

    job = job_of(finished(CRON, [tenant]))

    assert job.state == Job.State.SKIPPED
    assert job.error == "as many crons as the site allows are at work already"


def test_a_site_in_maintenance_says_so(finished: RunOf, tenant: Tenant):
    files.enter_maintenance(tenant, "<p>Holidays")

    job = job_of(finished(CRON, [tenant]))

    assert (job.state, job.exit_code) == (Job.State.FAILED, 1)
    assert "CLI maintenance mode active, cron execution suspended." in job.error


@pytest.mark.parametrize(
    ("branch", "expected"),
    [("402", ["--keep-alive=0", "--force"]), ("401", ["--force"])],
)
def test_it_never_waits_for_more(
    finished: RunOf, tenant: Tenant, branch: str, expected: list[str]
):
    tenant.release.branch = branch
    tenant.release.save()
    put_script(tenant, SCRIPT, 'echo "Cron run completed correctly\\n";')

    job = job_of(finished(CRON, [tenant], "force=1"))

    assert job.state == Job.State.SUCCEEDED, job.error
    assert options_of(job) == expected


def test_cron_is_disabled_and_enabled_in_the_shell(manage: Manage, tenant: Tenant):
    host = f"--host={tenant.wwwroot}"

    assert manage("cron", host, "--disable").code == 0
    refused = manage("cron", host)
    assert manage("cron", host, "--enable").code == 0

    assert refused.code == 1
    assert "Cron is disabled. Use --force to override." in refused.err
    assert manage("cron", host).code == 0


@pytest.mark.usefixtures("workers")
def test_many_crons_are_run_by_workers(manage: Manage, tenant: Tenant):
    said = manage("bulkcron")

    assert said.code == 0
    assert "1 succeeded" in said.out
