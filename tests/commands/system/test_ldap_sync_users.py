import pytest

from commands.models import Job
from tenants.models import Tenant
from tests.commands.conftest import Manage
from tests.commands.system.conftest import job_of, options_of, put_script, sql
from tests.commands.upgrade.conftest import set_config
from tests.conftest import AddTenant, RunOf

SYNC, SCRIPT = "system/LdapSyncUsers", "admin/cli/scheduled_task.php"
TASK = r"\auth_ldap\task\sync_task"


@pytest.fixture
def with_ldap(tenant: Tenant) -> Tenant:
    """Return a tenant that uses LDAP, and whose task succeeds."""
    set_config(tenant, "auth", "manual,ldap")
    sql(
        tenant,
        "INSERT INTO {task_scheduled} (component, classname, faildelay, lastruntime)"
        " VALUES ('auth_ldap', %s, 0, UNIX_TIMESTAMP() + 60)",
        TASK,
    )
    put_script(tenant, SCRIPT)
    return tenant


def test_the_task_is_run_even_if_it_is_disabled(finished: RunOf, with_ldap: Tenant):
    sql(with_ldap, "UPDATE {task_scheduled} SET disabled = 1")

    job = job_of(finished(SYNC, [with_ldap], "more=--force"))

    assert (job.state, job.result) == (Job.State.SUCCEEDED, {"task": TASK}), job.error
    assert options_of(job) == [f"--execute={TASK}", "--force"]


def test_sites_without_ldap_are_skipped_without_php(
    finished: RunOf, with_ldap: Tenant, add_tenant: AddTenant
):
    other = add_tenant("other")
    set_config(other, "auth", "manual,openldap")

    run = finished(SYNC, [with_ldap, other])

    skipped = run.jobs.get(tenant=other)
    assert skipped.state == Job.State.SKIPPED
    assert skipped.error == "ldap is not among the site's plugins in use (auth)"
    assert run.jobs.get(tenant=with_ldap).state == Job.State.SUCCEEDED


def test_the_shell_has_both_forms(manage: Manage, with_ldap: Tenant, workers):
    assert manage("ldap_sync_users", f"--host={with_ldap.wwwroot}").code == 0
    assert manage("bulkldapsyncusers").code == 0
