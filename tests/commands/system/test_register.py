import time

import pytest

from commands.models import Job
from commands.system.register import Register
from tenants import agent, moodledb
from tenants.models import Tenant
from tests.commands.conftest import Manage
from tests.commands.system.conftest import (
    complaints,
    job_of,
    options_of,
    put_script,
    sql,
)
from tests.conftest import RunOf

REGISTER, SCRIPT = "system/Register", "admin/cli/scheduled_task.php"
TASK = r"\core\task\registration_cron_task"
PAGE = "https://one.example.org/admin/registration/index.php"


@pytest.fixture
def site(tenant: Tenant) -> Tenant:
    """Return a tenant that can be registered, whose task completes."""
    sql(
        tenant,
        "INSERT INTO {task_scheduled} (component, classname, faildelay, lastruntime)"
        " VALUES ('moodle', %s, 0, UNIX_TIMESTAMP() + 60)",
        TASK,
    )
    put_script(tenant, SCRIPT)
    return tenant


def register(tenant: Tenant, ago: int, confirmed: int = 1) -> None:
    table = moodledb.table(tenant, "registration_hubs")
    values = [confirmed, int(time.time()) - ago]
    columns = "(confirmed, timemodified) VALUES (%s, %s)"
    moodledb.execute(tenant.server, f"INSERT INTO {table} {columns}", values)


def test_a_registration_is_updated(finished: RunOf, site: Tenant):
    register(site, ago=-60)

    job = job_of(finished(REGISTER, [site]))

    assert job.state == Job.State.SUCCEEDED, job.error
    assert job.result["updated"] > time.time()
    assert options_of(job) == [f"--execute={TASK}"]


def test_a_site_that_is_not_registered_is_told_where(finished: RunOf, site: Tenant):
    register(site, ago=0, confirmed=0)

    job = job_of(finished(REGISTER, [site]))

    assert job.state == Job.State.FAILED
    assert job.error.startswith("the site is not registered: its administrator must")
    assert job.error.endswith(f"at {PAGE}")
    assert job.text()[0] == ""


def test_a_task_that_told_nobody_is_a_failure(finished: RunOf, site: Tenant):
    register(site, ago=3600)

    job = job_of(finished(REGISTER, [site]))

    assert job.state == Job.State.FAILED
    assert job.error.startswith("moodle.org was not told: ")


def test_a_protected_site_publishes_its_name_only(finished: RunOf, site: Tenant):
    register(site, ago=-60)

    job = job_of(finished(REGISTER, [site], "protected=1"))

    found = moodledb.config([site], ["site_privacy"], plugin="hub")[site.pk]
    assert job.state == Job.State.SUCCEEDED, job.error
    assert found == {"site_privacy": "named"}


def test_a_registration_is_forgotten(finished: RunOf, site: Tenant, monkeypatch):
    def ask(tenant, operation, given, *, job=None):
        yield operation
        return {"registrations": 1}

    monkeypatch.setattr(agent, "ask", ask)

    job = job_of(finished(REGISTER, [site], "reset_hub_infos=1"))

    assert job.result == {"registrations": 1}
    assert job.text()[0] == "reset_registration\n"


@pytest.mark.parametrize(
    ("attributes", "dangerous"), [("", False), ("reset_hub_infos=1", True)]
)
def test_only_forgetting_is_dangerous(attributes: str, dangerous: bool):
    form = Register.from_attributes(attributes)

    assert form.is_valid()
    assert form.is_dangerous() is dangerous


def test_the_shell_has_both_forms(manage: Manage, site: Tenant, workers):
    register(site, ago=-60)

    assert manage("register", f"--host={site.wwwroot}").code == 0
    assert manage("bulkregister").code == 0


def test_both_at_once_are_refused():
    [said] = complaints(Register, "reset_hub_infos=1&protected=1")

    assert said == "__all__: Choose one of reset_hub_infos and protected"
