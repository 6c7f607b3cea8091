import time
from datetime import timedelta

import pytest
from django.utils import timezone

from commands.models import Job, Run
from commands.upkeep import mnetkeys, watch
from tenants import moodledb
from tenants.models import Tenant
from tests.mnet import tables
from tests.mnet.conftest import network, with_mnet

__all__ = ["network", "with_mnet"]


def expire_in(tenant: Tenant, **time_left) -> int:
    at = int(time.time() + timedelta(**time_left).total_seconds())
    sql = "UPDATE {mnet_host} SET public_key_expires = %s WHERE id = 1"
    tables.spoil(tenant, sql, [at])
    return at


@pytest.fixture
def tenants(network) -> list[Tenant]:
    """Return tenants: keys serve long, 2 days more, no more; the last one is off."""
    made = network(4)
    expire_in(made[0], days=90)
    expire_in(made[1], days=2)
    expire_in(made[2], days=-1)
    tables.spoil(made[3], "UPDATE {config} SET value = 'off' WHERE value = 'strict'")
    return made


def test_expiries_are_noted_and_keys_renewed_in_time_and_once(tenants):
    watch.look()
    watch.look()

    left = [tenant.mnet_expires_at for tenant in Tenant.objects.order_by("pk")]
    assert left[3] is None
    assert [(at - timezone.now()).days for at in left[:3]] == [89, 1, -2]
    run = Run.objects.get()
    assert (run.command, run.actor) == ("mnet/RenewMnetKeys", "schedule")
    assert set(run.targets) == {tenants[1].pk, tenants[2].pk}


def test_what_failed_is_tried_again_after_some_time(tenants, settings):
    run = mnetkeys.look(tenants)
    run.jobs.update(state=Job.State.FAILED, finished_at=timezone.now())
    assert mnetkeys.look(tenants) is None

    run.jobs.update(finished_at=timezone.now() - timedelta(hours=7))
    settings.VMOODLE_MNET_RENEW_HOURS = 0
    assert mnetkeys.look(tenants) is None
    settings.VMOODLE_MNET_RENEW_HOURS = 1
    assert mnetkeys.look(tenants).targets == [tenants[2].pk]


def test_a_server_that_is_away_leaves_what_was_known(tenants, monkeypatch):
    mnetkeys.look(tenants)
    error = moodledb.MoodleDbError("away", 2002)
    monkeypatch.setattr(
        moodledb, "each", lambda some, parts: {one.pk: error for one in some}
    )

    mnetkeys.look(tenants)

    assert Tenant.objects.filter(mnet_expires_at=None).get() == tenants[3]


def test_the_list_tells_how_long_keys_serve(tenants, admin_client):
    mnetkeys.look(tenants)

    page = admin_client.get("/tenants/tenant/").content.decode()

    assert ">89 d<" in page
    assert '<span class="badge queued">1 d</span>' in page
    assert '<span class="badge failed">Expired</span>' in page
