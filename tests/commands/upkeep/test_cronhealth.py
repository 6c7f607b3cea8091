import pytest
from django.utils import translation

from commands.upkeep import watch
from tenants import files, moodledb
from tenants.models import Release, Tenant
from tests.commands.conftest import Manage, assert_refused
from tests.commands.upgrade.conftest import set_config
from tests.commands.upkeep.test_watch import cron_ran
from tests.conftest import AddTenant

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_cron_in_time_is_well(manage: Manage, tenant: Tenant):
    cron_ran(tenant, ago=180, interval=60)

    said = manage("cronmonitor", f"--host={tenant.wwwroot}")

    assert said.code == 0
    assert said.out == f"ok        {tenant.wwwroot}: cron last ran 3 minutes ago\n"


def test_a_time_is_english_as_its_sentence_is(manage: Manage, tenant: Tenant):
    cron_ran(tenant, ago=7200, interval=60)

    with translation.override("fr"):
        said = manage("cronmonitor", f"--host={tenant.wwwroot}")

    assert said.out.endswith(": cron last ran 2 hours ago\n")


@pytest.mark.parametrize(("limit", "code"), [("7300", 0), ("7100", 1)])
def test_a_cron_is_late_after_the_limit(
    manage: Manage, tenant: Tenant, limit: str, code: int
):
    cron_ran(tenant, ago=7200, interval=60)

    said = manage("cronmonitor", f"--host={tenant.wwwroot}", f"--max-gap={limit}")

    assert said.code == code
    assert "cron last ran 2 hours ago\n" in said.out


def never(tenant: Tenant) -> None:
    pass


def disabled(tenant: Tenant) -> None:
    cron_ran(tenant, ago=7200, interval=60)
    set_config(tenant, "cron_enabled", 0)


def closed(tenant: Tenant) -> None:
    cron_ran(tenant, ago=7200, interval=60)
    files.enter_maintenance(tenant, "<p>Holidays")


def pending(tenant: Tenant) -> None:
    cron_ran(tenant, ago=7200, interval=60)
    tenant.pin(Release.objects.get(name="4.3"))
    watch.look()


def gone(tenant: Tenant) -> None:
    moodledb.execute(tenant.server, f"DROP DATABASE `{tenant.db_name}`")


@pytest.mark.parametrize(
    ("happened", "told"),
    [
        (never, "cron has never run"),
        (disabled, "ran 2 hours ago; cron is disabled on the site"),
        (closed, "ran 2 hours ago; the site is in maintenance"),
        (pending, "ran 2 hours ago; an upgrade is pending"),
        (gone, "doesn't exist"),
    ],
)
def test_what_is_wrong_is_told(manage: Manage, tenant: Tenant, happened, told: str):
    happened(tenant)

    said = manage("cronmonitor", f"--host={tenant.wwwroot}")

    assert said.code == 1
    assert said.out.startswith(f"problem   {tenant.wwwroot}: ")
    assert said.out.endswith(f"{told}\n")


def test_the_whole_fleet_is_told_of_the_problems_first(
    manage: Manage, tenant: Tenant, add_tenant: AddTenant
):
    late = add_tenant("late")
    cron_ran(tenant, ago=60, interval=60)
    cron_ran(late, ago=90_000, interval=60)

    said = manage("vcronmonitor")
    well = manage("vcronmonitor", "--exclude=late.*")

    assert (said.code, well.code) == (1, 0)
    first, second = said.out.splitlines()
    assert first == f"problem   {late.wwwroot}: cron last ran 1 day, 1 hour ago"
    assert second.startswith(f"ok        {tenant.wwwroot}: ")
    assert Tenant.objects.get(pk=late.pk).last_cron_gap >= 90_000


@pytest.mark.parametrize(
    "words", [["cronmonitor", "--host=https://x.org"], ["vcronmonitor", "--tag=none"]]
)
def test_no_such_tenant_is_refused(manage: Manage, tenant: Tenant, words: list[str]):
    said = manage(*words)

    assert_refused(said, "o such t" if words[0] == "cronmonitor" else "none")
