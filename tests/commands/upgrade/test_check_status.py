import pytest

from commands.models import Job
from tenants import moodledb
from tenants.models import Release, Tenant
from tests.conftest import AddTenant, RunOf

CHECK = "upgrade/CheckStatus"


@pytest.mark.parametrize(
    ("release", "status", "label"),
    [("4.2", "current", "Up to date"), ("4.3", "pending", "Upgrade pending")],
)
def test_the_status_is_told(
    finished: RunOf,
    tenant: Tenant,
    releases: dict[str, Release],
    release: str,
    status: str,
    label: str,
):
    tenant.pin(releases[release])

    job = finished(CHECK, [tenant]).jobs.get()

    assert job.state == Job.State.SUCCEEDED
    assert job.result == {
        "status": status,
        "version": "2023042400",
        "code_version": releases[release].version,
    }
    assert job.text()[0] == (
        f"{label}: 4.2 (Build: 20230424) (2023042400)\n"
        f"Code of release {release}: {releases[release].version}\n"
    )


def test_a_site_that_cannot_be_read_fails(finished: RunOf, add_tenant: AddTenant):
    tenant = add_tenant("empty", install=False)

    job = finished(CHECK, [tenant]).jobs.get()

    assert job.state == Job.State.FAILED
    assert "doesn't exist" in job.error


def test_a_database_without_moodle_is_told(finished: RunOf, tenant: Tenant):
    for name in ("version", "release"):
        moodledb.forget_config(tenant, name)

    job = finished(CHECK, [tenant]).jobs.get()

    assert job.result["status"] == "empty"
    assert job.text()[0].startswith("Not installed: no Moodle ()\n")


def test_a_tenant_that_another_job_holds_is_checked_all_the_same(
    finished: RunOf, tenant: Tenant
):
    Tenant.objects.update(held_by=99, attention="half restored")

    run = finished(CHECK, [tenant])

    assert run.jobs.get().state == Job.State.SUCCEEDED
    tenant.refresh_from_db()
    assert tenant.held_by == 99
