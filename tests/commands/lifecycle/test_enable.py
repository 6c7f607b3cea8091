from django.utils import timezone

from tenants import moodledb
from tenants.models import Journal, Tenant
from tenants.serving import publish
from tests.conftest import RunOf


def test_a_disabled_site_answers_again(finished: RunOf, tenant: Tenant):
    tenant.enabled = False
    tenant.save()

    finished("lifecycle/Enable", [tenant])

    tenant.refresh_from_db()
    assert tenant.enabled
    assert "'enabled'=>true" in publish.boot_file(tenant.key).read_text()


def test_one_that_is_half_made_is_not_let_loose(finished: RunOf, tenant: Tenant):
    Tenant.objects.update(enabled=False)
    Journal.objects.create(tenant=tenant, work="create", text="{}")

    run = finished("lifecycle/Enable", [Tenant.objects.get()])

    assert "its creation has not ended: wait for it" in run.jobs.get().error
    assert not Tenant.objects.get().enabled


def test_one_that_is_enabled_is_skipped(finished: RunOf, tenant: Tenant):
    run = finished("lifecycle/Enable", [tenant])

    assert run.jobs.get().error == "it is enabled"


def test_one_that_was_deleted_is_told_to_be_bound_again(
    finished: RunOf, tenant: Tenant
):
    now = timezone.now()
    Tenant.objects.update(enabled=False, deleted_at=now, mnet_expires_at=now)
    tenant.refresh_from_db()

    run = finished("lifecycle/Enable", [tenant])

    assert (
        f"init_mnet_node --host={tenant.wwwroot} binds it" in run.jobs.get().text()[0]
    )


def test_one_whose_end_has_begun_does_not_come_back(finished: RunOf, tenant: Tenant):
    Tenant.objects.update(enabled=False, deleted_at=timezone.now())
    moodledb.execute(tenant.server, f"DROP DATABASE `{tenant.db_name}`")

    run = finished("lifecycle/Enable", [tenant])

    assert f"its database {tenant.db_name} is gone" in run.jobs.get().error
    assert not Tenant.objects.get().enabled
