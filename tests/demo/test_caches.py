"""The sandbox's settings kept in Redis, as Moodle keeps its caches."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tenants import moodledb
from tests.demo.site import DONE, SO, Pair, Told, change, read
from tests.redisserver import keys, redis_server

pytestmark = pytest.mark.django_db


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[int]:
    """Return the port of a Redis server."""
    with redis_server(tmp_path) as port:
        yield port


def test_both_keep_their_settings_in_redis(pair: Pair, told: Told, redis: int):
    _one, two = pair
    store = (
        "system/SetupRedisInstance",
        (f"redisname=r&redishost=127.0.0.1:{redis}&redisprefix=p_&activate=1"),
    )
    nobody = "redisname=x&redishost=127.0.0.1:1"
    [away, _other] = told("system/SetupRedisInstance", nobody)
    assert away.startswith("the Redis server 127.0.0.1:1 does not answer")
    assert not Path(two.data_path, "muc/config.php").exists()

    assert told(*store) == [DONE, DONE]
    assert told(*store) == [SO, SO]

    assert sorted(keys(redis)) == ["p_one_core_config", "p_two_core_config"]
    change(two, "UPDATE {config} SET value = '' WHERE name = 'siteadmins'")
    assert told("generic/SetConfig", "key=a&value=1") == [DONE, DONE]
    log = "SELECT userid FROM {config_log} WHERE name = 'a'"
    assert read(two, log) == [(2,)]  # from the cache, where it still is so
    assert told("generic/PurgeCaches", "") == [DONE, DONE]
    assert moodledb.config_of(two, ["a"]) == {"a": "1"}
