import time
from collections.abc import Callable

import pytest
from MySQLdb.constants import ER

from tenants import moodledb
from tenants.models import DatabaseServer

pytestmark = pytest.mark.django_db
SECONDS = 30
NOWHERE = "/no/such.sock"


@pytest.fixture
def waited(monkeypatch) -> Callable[..., float]:
    """Return what waits for a server, and for how many seconds it did."""
    now = 1000.0

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    monkeypatch.setattr(moodledb, "_in_vain", {})
    monkeypatch.setattr(time, "monotonic", lambda: now)
    monkeypatch.setattr(time, "sleep", sleep)

    def wait(server: DatabaseServer, *, in_vain: str, after: float = 0, **how: bool):
        sleep(after)
        begun = now
        with pytest.raises(moodledb.MoodleDbError, match=in_vain):
            moodledb.wait_until_up(server, SECONDS, **how)
        return now - begun

    return wait


@pytest.mark.parametrize(
    "values", [{"admin_password": "wrong"}, {"admin_user": "nobody"}]
)
def test_a_login_that_is_refused_is_not_waited_for(server, waited, values):
    DatabaseServer.objects.update(**values)

    seconds = waited(DatabaseServer.objects.get(), in_vain="Access denied")

    assert seconds == 0


def test_a_server_that_cannot_take_us_yet_is_waited_for(server, monkeypatch):
    codes = iter([ER.CON_COUNT_ERROR, ER.SERVER_SHUTDOWN])
    query = moodledb.query

    def crowded(*words):
        for code in codes:
            raise moodledb.MoodleDbError("not now", code)
        return query(*words)

    monkeypatch.setattr(moodledb, "query", crowded)

    moodledb.wait_until_up(server, SECONDS)

    assert list(codes) == []


def test_jobs_on_a_dead_server_do_not_wait_each(server, waited):
    server.socket = NOWHERE

    first, *others = [
        waited(server, in_vain="connect", trusting=True) for _job in range(20)
    ]

    assert first == SECONDS
    assert set(others) == {SECONDS / 10}


def test_a_server_that_was_dead_is_waited_for_again(server, waited):
    there, server.socket = server.socket, NOWHERE
    waited(server, in_vain="connect")

    # What is to be undone matters more than how long it takes.
    assert waited(server, in_vain="connect") == SECONDS
    later = {"trusting": True, "after": SECONDS}
    assert waited(server, in_vain="connect", **later) == SECONDS
    server.socket = there
    moodledb.wait_until_up(server, 0)
    server.socket = NOWHERE
    assert waited(server, in_vain="connect", trusting=True) == SECONDS
