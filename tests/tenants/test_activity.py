import os
from types import SimpleNamespace

import pytest

from tenants import activity, moodledb
from tenants.models import Tenant
from tests.patience import eventually
from tests.tenants.test_moodledb import connect

pytestmark = pytest.mark.django_db


def test_a_cron_at_work_is_seen_by_its_lock(tenant):
    assert activity.cron_runners(tenant) == 0
    other = connect(tenant.server)
    lock = f"{tenant.db_name}:{tenant.db_prefix}_cron_adhoc_task_runner_2"
    other.cursor().execute("SELECT GET_LOCK(SHA1(%s), 0)", [lock])

    assert activity.cron_runners(tenant) == 1

    other.cursor().execute("SELECT RELEASE_LOCK(SHA1(%s))", [lock])
    assert activity.cron_runners(tenant) == 0
    other.close()


def test_a_database_that_somebody_has_open_is_in_use(tenant: Tenant):
    # What made its tables has left, but the server notices that a moment later.
    eventually(lambda: activity.in_use(tenant) is False)
    other = connect(tenant.server)
    other.select_db(tenant.db_name)

    assert activity.in_use(tenant) is True

    other.close()


def test_an_account_that_may_not_know_says_so(tenant):
    name = f"plain{os.getpid()}"
    moodledb.execute(tenant.server, f"CREATE USER {name}@localhost IDENTIFIED BY 'pw'")
    moodledb.execute(
        tenant.server, f"GRANT SELECT ON `{tenant.db_name}`.* TO {name}@localhost"
    )
    plain = SimpleNamespace(
        **{
            field: getattr(tenant.server, field) for field in ("name", "socket", "host")
        },
        pk=0,
        port=3306,
        admin_user=name,
        admin_password="pw",
    )
    seen = SimpleNamespace(server=plain, db_name=tenant.db_name)

    assert activity.in_use(seen) is None

    moodledb.execute(tenant.server, f"DROP USER {name}@localhost")
