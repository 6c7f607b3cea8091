from django.utils import timezone

from tenants.models import Tenant
from tenants.serving import publish
from tests.conftest import RunOf


def test_a_site_answers_503(finished: RunOf, tenant: Tenant):
    Tenant.objects.update(mnet_expires_at=timezone.now())
    run = finished("lifecycle/Disable", [tenant])

    assert "Its MNet peers go on knowing it: set_net" in run.jobs.get().text()[0]
    tenant.refresh_from_db()
    assert not tenant.enabled
    assert "'enabled'=>false" in publish.boot_file(tenant.key).read_text()


def test_one_that_is_disabled_is_skipped(finished: RunOf, tenant: Tenant):
    finished("lifecycle/Disable", [tenant])

    run = finished("lifecycle/Disable", [tenant])

    assert run.jobs.get().error == "it is disabled"
