import pytest

from commands.models import Job
from tenants import moodledb
from tenants.models import Tenant
from tests.commands.conftest import Manage
from tests.commands.system.conftest import job_of, put_script, set_plugin_config
from tests.conftest import AddTenant, RunOf

BACKUPS, SCRIPT = "system/AutomatedBackups", "admin/cli/automated_backups.php"
STATUS, DONE = "Checking automated backup status...", "Automated cron backups completed"


@pytest.fixture
def active(tenant: Tenant) -> Tenant:
    """Return a tenant with automated backups switched on, and three courses of late."""
    set_plugin_config(tenant, "backup", "backup_auto_active", 1)
    table = moodledb.table(tenant, "backup_courses")
    rows = "(courseid, laststatus) VALUES (1, '6'), (2, '6'), (3, '0')"
    moodledb.execute(tenant.server, f"INSERT INTO {table} {rows}")
    return tenant


def test_the_courses_are_counted_by_their_state(finished: RunOf, active: Tenant):
    put_script(active, SCRIPT, f'echo "{STATUS}OK\\n{DONE} correctly\\n";')

    job = job_of(finished(BACKUPS, [active]))

    assert job.state == Job.State.SUCCEEDED, job.error
    assert job.result == {"courses": {"failed": 1, "queued": 2}}


def test_sites_whose_backups_are_off_are_skipped_without_php(
    finished: RunOf, active: Tenant, add_tenant: AddTenant
):
    set_plugin_config(active, "backup", "backup_auto_active", 0)

    run = finished(BACKUPS, [active, add_tenant("two")])

    for job in run.jobs.all():
        assert job.state == Job.State.SKIPPED
        assert job.error == "automated backups are switched off on the site"
        assert job.started_at is None


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (f"{STATUS}OK\\n", "the script ended before it had queued the backups"),
        (f"{STATUS}{DONE} correctly\\n", "the script ended before it had"),
        (f"{STATUS}\\n{DONE} correctly\\n", "another process is queueing the site's"),
    ],
    ids=["ended early", "told in one line", "locked"],
)
def test_a_script_that_did_nothing_fails(
    finished: RunOf, active: Tenant, said: str, sentence: str
):
    put_script(active, SCRIPT, f'echo "{said}";')

    job = job_of(finished(BACKUPS, [active]))

    assert job.state == Job.State.FAILED
    assert sentence in job.error


def test_the_shell_has_both_forms(manage: Manage, active: Tenant, workers):
    put_script(active, SCRIPT, f'echo "{STATUS}OK\\n{DONE} correctly\\n";')

    one = manage("automated_backups", f"--host={active.wwwroot}")
    many = manage("bulkautomatedbackups")

    assert (one.code, many.code) == (0, 0)
    assert "1 succeeded" in many.out
