from collections.abc import Callable
from pathlib import Path

import pytest

from tenants import moodledb, web
from tenants.models import Checkup, Tenant
from tenants.serving import publish
from tests.commands.conftest import Manage
from tests.commands.upgrade.conftest import Visitor
from tests.conftest import AddTenant, RunOf


@pytest.fixture
def site(tenant: Tenant, visitor: Visitor, settings, monkeypatch) -> Tenant:
    """Return a tenant whose pages are served, and whose host resolves."""
    port = visitor.port(tenant.release.path)
    settings.VMOODLE_WEB_ADDRESS = f"http://127.0.0.1:{port}"
    monkeypatch.setattr(web, "resolves", lambda host: host == "one.example.org")
    return tenant


def states(tenant: Tenant) -> dict[str, str]:
    found = Checkup.objects.get(tenant=tenant).findings
    return {finding["check"]: finding["state"] for finding in found}


def test_a_site_that_is_well_passes(finished: RunOf, site: Tenant):
    run = finished("lifecycle/Check", [site])

    job = run.jobs.get()
    assert (job.state, job.error) == ("succeeded", "")
    # The sandbox ships no checks of Moodle's own, as Moodle before 3.9.
    assert job.result == {"ok": 6, "warning": 1}
    assert Checkup.objects.get().state == "warning"
    assert "moodle_page" not in states(site)
    assert f"ok: login page: {site.wwwroot}/login/index.php answers" in job.text()[0]


def wrong_password(tenant: Tenant) -> None:
    sql = "CREATE USER 'stranger'@'localhost' IDENTIFIED BY 'no'"
    moodledb.execute(tenant.server, sql)
    tenant.db_user, tenant.db_password = "stranger", "yes"
    tenant.save()


def no_tables(tenant: Tenant) -> None:
    moodledb.execute(tenant.server, f"DROP TABLE {moodledb.table(tenant, 'config')}")


def newer(tenant: Tenant) -> None:
    sql = f"UPDATE {moodledb.table(tenant, 'config')} SET value = 2099010100"
    moodledb.execute(tenant.server, f"{sql} WHERE name = 'version'")


def no_data(tenant: Tenant) -> None:
    Path(tenant.data_path).rename(f"{tenant.data_path}-away")


def shared_data(tenant: Tenant) -> None:
    other = Path(tenant.data_path).parent / "other"
    Path(tenant.data_path).rename(other)
    Path(tenant.data_path).symlink_to(other)
    Tenant.objects.create(
        wwwroot="https://other.example.org",
        shortname="other",
        release=tenant.release,
        server=tenant.server,
        db_name="other",
        data_path=str(other),
    )


def unpublished(tenant: Tenant) -> None:
    publish.unpublish(tenant.key)


def moved(tenant: Tenant) -> None:
    Tenant.objects.filter(pk=tenant.pk).update(wwwroot="https://two.example.org")


@pytest.mark.parametrize(
    ("spoil", "check", "sentence"),
    [
        (wrong_password, "database", "Access denied for user 'stranger'"),
        (no_tables, "tables", "Moodle's tables are not there"),
        (newer, "tables", "newer than the code of release 4.2"),
        (no_data, "data path", "is not there: make it"),
        (shared_data, "data path", "is shared with https://other.example.org"),
        (unpublished, "published", "run manage.py generateconfigs"),
        (unpublished, "login page", "it answers 404 and not 200"),
        (moved, "host", "two.example.org does not resolve"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_what_is_wrong_is_told(
    finished: RunOf,
    site: Tenant,
    spoil: Callable[[Tenant], None],
    check: str,
    sentence: str,
):
    spoil(site)
    try:
        job = finished("lifecycle/Check", [site], "quick=1").jobs.get()
    finally:
        moodledb.execute(site.server, "DROP USER IF EXISTS 'stranger'@'localhost'")

    assert job.state == "failed"
    assert f"{check}: " in job.error
    assert sentence in job.error
    assert states(site)[check] == "failed"
    assert Checkup.objects.get().state == "failed"


def test_a_disabled_site_answers_503_and_that_is_well(finished: RunOf, site: Tenant):
    site.enabled = False
    site.save()

    job = finished("lifecycle/Check", [site], "quick=1").jobs.get()

    assert job.state == "succeeded", job.error
    assert "the tenant is disabled and answers 503" in job.text()[0]


def test_the_shell_checks_one_and_many(
    manage: Manage, site: Tenant, add_tenant: AddTenant
):
    checked = manage("check_tenant", f"--host={site.wwwroot}", "--quick")
    unpublished(site)
    failed = manage("check_tenant", f"--host={site.wwwroot}", "--quick")
    planned = manage("bulkchecktenant", "--tohosts=*", "--dry-run")

    assert checked.code == 0, checked.err
    assert "ok: published: the boot file and the site link are current" in checked.out
    assert failed.code == 1
    assert "it answers 404" in failed.err
    assert site.wwwroot in planned.out
