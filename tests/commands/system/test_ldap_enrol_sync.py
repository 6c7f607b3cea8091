import pytest

from commands.models import Job
from tenants.models import Tenant
from tests.commands.conftest import Manage
from tests.commands.system.conftest import job_of, options_of, put_script, sql
from tests.commands.upgrade.conftest import set_config
from tests.conftest import RunOf

SYNC, SCRIPT = "system/LdapEnrolSync", "admin/cli/scheduled_task.php"
TASK = r"\enrol_ldap\task\sync_enrolments"


def use_ldap(tenant: Tenant, completed: str) -> None:
    set_config(tenant, "enrol_plugins_enabled", "manual,ldap,self")
    sql(
        tenant,
        "INSERT INTO {task_scheduled} (component, classname, faildelay, lastruntime)"
        f" VALUES ('enrol_ldap', %s, 0, UNIX_TIMESTAMP() {completed})",
        TASK,
    )
    put_script(tenant, SCRIPT)


def test_the_task_is_run(finished: RunOf, tenant: Tenant):
    use_ldap(tenant, completed="+ 60")

    job = job_of(finished(SYNC, [tenant]))

    assert (job.state, job.result) == (Job.State.SUCCEEDED, {"task": TASK}), job.error
    assert options_of(job) == [f"--execute={TASK}"]


def test_a_task_that_leaves_in_the_middle_fails(finished: RunOf, tenant: Tenant):
    use_ldap(tenant, completed="- 60")

    job = job_of(finished(SYNC, [tenant]))

    assert job.state == Job.State.FAILED
    assert job.error == f"the task {TASK} has not completed: its output tells why"


@pytest.mark.parametrize(
    "said",
    [
        "No LDAP Host URL, Version or User Type specified in your LDAP settings",
        "Server: 'ldap://x', Bind result: ''",
        "Server: 'ldap://x', Connection: 'y', STARTTLS failed.",
    ],
    ids=["not set up", "not let in", "no TLS"],
)
def test_a_directory_that_is_not_reached_fails(
    finished: RunOf, tenant: Tenant, said: str
):
    use_ldap(tenant, completed="+ 60")
    put_script(tenant, SCRIPT, f'echo "{said}\\n";')

    job = job_of(finished(SYNC, [tenant]))

    assert job.state == Job.State.FAILED
    assert job.error == f"no LDAP directory was reached: {said}"


def test_sites_without_it_are_skipped(finished: RunOf, tenant: Tenant):
    job = job_of(finished(SYNC, [tenant]))

    assert job.state == Job.State.SKIPPED
    assert "enrol_plugins_enabled" in job.error


def test_the_shell_has_both_forms(manage: Manage, tenant: Tenant, workers):
    use_ldap(tenant, completed="+ 60")

    assert manage("ldap_enrol_sync", f"--host={tenant.wwwroot}").code == 0
    assert manage("bulkldapenrolsync").code == 0
