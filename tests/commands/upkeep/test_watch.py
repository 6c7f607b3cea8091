import time
from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from commands import host
from commands.models import Cluster
from commands.queue import CONTROL
from commands.upkeep import watch
from tenants import moodledb
from tenants.models import DatabaseServer, Tenant

pytestmark = pytest.mark.django_db


def cron_ran(tenant: Tenant, ago: int, interval: int) -> None:
    sql = (
        f"REPLACE INTO {moodledb.table(tenant, 'config_plugins')}"
        " (plugin, name, value) VALUES ('tool_task', %s, %s)"
    )
    values = {"lastcronstart": int(time.time()) - ago, "lastcroninterval": interval}
    for name, value in values.items():
        moodledb.execute(tenant.server, sql, [name, str(value)])


def test_a_look_notes_versions_and_crons(tenant):
    cron_ran(tenant, ago=60, interval=900)

    assert watch.look() == 1

    tenant.refresh_from_db()
    assert tenant.up_to_date
    assert tenant.seen_version == "2023042400"
    assert timezone.now() - tenant.last_cron < timedelta(seconds=90)
    assert tenant.last_cron_gap == 900


def test_a_cron_that_does_not_come_any_more_is_the_larger_gap(tenant):
    cron_ran(tenant, ago=7200, interval=60)

    watch.look()

    tenant.refresh_from_db()
    assert 7200 <= tenant.last_cron_gap < 7260


@pytest.mark.parametrize("value", ["", "soon", "-1", "²", "9" * 30])
def test_a_time_that_is_none_hides_no_other_site(tenant, add_tenant, value):
    cron_ran(tenant, ago=60, interval=60)
    odd = add_tenant("odd")
    moodledb.execute(
        odd.server,
        f"INSERT INTO {moodledb.table(odd, 'config_plugins')}"
        " (plugin, name, value) VALUES ('tool_task', 'lastcronstart', %s)",
        [value],
    )

    assert watch.look() == 1

    odd.refresh_from_db()
    assert odd.last_cron is None


def test_a_site_without_cron_and_one_that_is_not_there_hide_no_other(
    tenant, add_tenant
):
    add_tenant("empty", install=False)
    cron_ran(tenant, ago=10, interval=60)
    add_tenant("two")

    assert watch.look() == 1

    assert Tenant.objects.get(shortname="two").up_to_date
    assert Tenant.objects.get(shortname="empty").seen_at is None


def test_a_server_that_is_down_is_asked_once_not_once_a_tenant(rows, monkeypatch):
    down = DatabaseServer.objects.create(name="down", socket="/no.sock", admin_user="x")
    rows(40, server=down)
    asked = []
    query = moodledb.query
    monkeypatch.setattr(
        moodledb, "query", lambda *args: asked.append(1) or query(*args)
    )

    assert watch.look() == 0

    assert len(asked) == 2  # versions, crons


@pytest.fixture
def due(monkeypatch) -> None:
    monkeypatch.setattr(watch, "_due", 0.0)


@pytest.mark.parametrize(("since", "looks"), [(0, 0), (60, 1)], ids=["lives", "died"])
def test_of_several_control_clusters_the_first_that_lives_looks(due, since, looks):
    for worker, age in (("elsewhere:1:1", since), (host.this_process(), 0)):
        beat = timezone.now() - timedelta(seconds=age)
        Cluster.objects.create(queue=CONTROL, worker=worker, heartbeat_at=beat)

    watch.enqueue_look()

    assert OrmQ.objects.count() == looks


def test_a_look_is_enqueued_when_it_is_due(due):
    watch.enqueue_look()
    watch.enqueue_look()

    assert OrmQ.objects.count() == 1
