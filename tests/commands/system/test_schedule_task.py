import pytest

from commands.models import Job
from commands.system.schedule_task import ScheduleTask
from tenants import moodledb
from tenants.models import Tenant
from tests.commands.conftest import Manage
from tests.commands.system.conftest import (
    complaints,
    job_of,
    options_of,
    put_script,
    sql,
)
from tests.commands.upgrade.conftest import set_config
from tests.conftest import RunOf

TASK, SCRIPT = "system/ScheduleTask", "admin/cli/scheduled_task.php"
CLEANUP = r"\core\task\session_cleanup_task"
WITHOUT = CLEANUP.lstrip("\\")


@pytest.mark.parametrize("name", [CLEANUP, WITHOUT], ids=["\\core", "core"])
def test_a_task_is_run(finished: RunOf, tenant: Tenant, name: str):
    job = job_of(finished(TASK, [tenant], f"execute={name}"))

    assert (job.state, job.result) == (Job.State.SUCCEEDED, {"task": CLEANUP})
    assert "Scheduled task complete: Cleanup old sessions" in job.text()[0]


def test_a_task_that_fails_fails_the_job(finished: RunOf, tenant: Tenant):
    set_config(tenant, "sandbox_task_fails", CLEANUP)

    job = job_of(finished(TASK, [tenant], f"execute={CLEANUP}"))

    assert (job.state, job.exit_code) == (Job.State.FAILED, None)
    assert job.error == f"the task {CLEANUP} failed: The sandbox was told to fail"


def test_a_task_that_leaves_in_the_middle_fails_the_job(
    finished: RunOf, tenant: Tenant
):
    put_script(tenant, SCRIPT, "exit(0);")

    job = job_of(finished(TASK, [tenant], f"execute={CLEANUP}"))

    assert job.error == f"the task {CLEANUP} has not completed: its output tells why"


def test_a_failure_of_another_time_is_no_success(finished: RunOf, tenant: Tenant):
    put_script(tenant, SCRIPT, "exit(0);")
    sql(tenant, "UPDATE {task_scheduled} SET faildelay = 60")

    job = job_of(finished(TASK, [tenant], f"execute={CLEANUP}"))

    assert job.error == f"the task {CLEANUP} failed: its output tells why"


def test_an_unknown_task_is_told(finished: RunOf, tenant: Tenant):
    job = job_of(finished(TASK, [tenant], r"execute=\core\task\none"))

    assert (job.state, job.exit_code) == (Job.State.FAILED, 1)
    assert r"Task '\core\task\none' not found" in job.error


def test_a_task_that_runs_already_has_moodle_s_exit_code(
    finished: RunOf, tenant: Tenant
):
    put_script(tenant, SCRIPT, 'echo "Cannot obtain task lock\\n"; exit(130);')

    job = job_of(finished(TASK, [tenant], f"execute={CLEANUP}"))

    assert (job.state, job.exit_code) == (Job.State.FAILED, 130)


def test_a_task_is_switched_off_and_on(finished: RunOf, tenant: Tenant):
    table = moodledb.table(tenant, "task_scheduled")
    asked = f"SELECT disabled FROM {table} WHERE classname = %s"
    states = []
    for word in ("disable", "enable"):
        job = job_of(finished(TASK, [tenant], f"{word}={CLEANUP}"))
        assert job.state == Job.State.SUCCEEDED, job.error
        states += moodledb.query(tenant.server, asked, [CLEANUP])

    assert states == [(1,), (0,)]


def test_a_task_that_was_not_switched_fails(finished: RunOf, tenant: Tenant):
    put_script(tenant, SCRIPT, 'echo "Disabled\\n";')

    job = job_of(finished(TASK, [tenant], f"disable={CLEANUP}"))

    assert job.error == f"the task {CLEANUP} was not switched, says the database"


def test_debugging_is_moodle_s_showdebugging(finished: RunOf, tenant: Tenant):
    put_script(tenant, SCRIPT)

    job = job_of(finished(TASK, [tenant], "list=1&debugging=1"))

    assert job.state == Job.State.SUCCEEDED
    assert options_of(job) == ["--list", "--showdebugging"]


def test_the_shell_has_both_forms(manage: Manage, tenant: Tenant, workers):
    one = manage("schedule_task", f"--host={tenant.wwwroot}", "--list")
    many = manage("bulkscheduletask", f"--execute={CLEANUP}")

    assert (one.code, many.code) == (0, 0)
    assert one.out.startswith(f"{CLEANUP}  ")


@pytest.mark.parametrize(
    ("attributes", "sentence"),
    [
        ("", "__all__: Choose one of execute, enable, disable, list"),
        ("execute=coretaskx", "execute: Give the class with its backslashes; a shell"),
    ],
    ids=["none", "without backslashes"],
)
def test_bad_parameters_are_refused(attributes: str, sentence: str):
    assert complaints(ScheduleTask, attributes)[0].startswith(sentence)
