"""What Moodle finds in $CFG."""

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.boot.fleet import published, run_cli

A = "https://a.example.org"


def cfg(tree: Path, **values: object) -> Any:
    published(A, tree, **values)
    return json.loads(run_cli(tree, f"--host={A}").stdout)["cfg"]


def release(tree: Path, php: str = "php", **forced: object) -> SimpleNamespace:
    return SimpleNamespace(path=str(tree), php=php, forced_settings=forced)


def test_all_of_it(tree: Path, settings):
    settings.VMOODLE_UPGRADE_KEY = "the key"

    assert cfg(tree) == {
        "dbtype": "mariadb",
        "dblibrary": "native",
        "dbhost": "db.example.org",
        "dbname": "moodle_one",
        "dbuser": "one",
        "dbpass": "it's \\ a secret",
        "prefix": "mdl_",
        "dboptions": {
            "dbpersist": False,
            "dbport": 3307,
            "dbsocket": False,
            "dbcollation": "utf8mb4_unicode_ci",
        },
        "wwwroot": A,
        "dataroot": "/srv/data/one",
        "sessioncookie": "one",
        "session_redis_prefix": "one_afee100d3420_",
        "admin": "admin",
        "directorypermissions": 0o2770,
        "disableupdateautodeploy": True,
        "upgradekey": "the key",
        "localrequestdir": f"/tmp/requestdir-{os.geteuid()}",
    }


def test_a_socket_goes_before_the_port(tree: Path):
    server = SimpleNamespace(host="db", port=3306, socket="/run/mysqld/mysqld.sock")

    found = cfg(tree, server=server)

    assert found["dbhost"] == "localhost"
    assert found["dboptions"]["dbsocket"] == "/run/mysqld/mysqld.sock"
    assert found["dboptions"]["dbport"] == ""


def test_a_fleet_without_upgrade_key_gets_a_secret_one(tree: Path, settings):
    first = cfg(tree)["upgradekey"]
    settings.SECRET_KEY = "another"

    assert len(first) == 32
    assert cfg(tree)["upgradekey"] not in (first, "", None)


def test_a_release_that_has_mysql_locks_uses_them(tree: Path):
    path = tree / "lib/classes/lock/mysql_lock_factory.php"
    path.parent.mkdir(parents=True)
    path.touch()

    assert cfg(tree)["lock_factory"] == "\\core\\lock\\mysql_lock_factory"


def test_the_path_of_php_is_told_when_it_is_one(tree: Path):
    found = cfg(tree, release=release(tree, php="/usr/bin/php8.2"))

    assert found["pathtophp"] == "/usr/bin/php8.2"


def test_forced_settings_of_the_tenant_win_then_the_releases(tree: Path, settings):
    settings.VMOODLE_FORCED_SETTINGS = {"x": "fleet", "y": "fleet", "z": "fleet"}

    found = cfg(
        tree,
        release=release(tree, y="release", z="release"),
        forced_settings={"z": "tenant", "none": None, "list": [1, 2.5, False]},
    )

    assert (found["x"], found["y"], found["z"]) == ("fleet", "release", "tenant")
    assert found["none"] is None
    assert found["list"] == [1, 2.5, False]


def test_forced_settings_win_over_our_defaults(tree: Path, settings):
    settings.VMOODLE_FORCED_SETTINGS = {"directorypermissions": 0o777}

    assert cfg(tree)["directorypermissions"] == 0o777


def test_plugin_settings_are_merged_one_by_one(tree: Path, settings):
    def forced(**values: object) -> dict[str, object]:
        return {"forced_plugin_settings": values}

    settings.VMOODLE_FORCED_SETTINGS = forced(
        a={"x": "fleet", "y": "fleet"}, b={"x": "fleet"}, c={"x": "fleet"}
    )

    found = cfg(
        tree,
        release=release(tree, **forced(b={"x": "release", "z": "release"})),
        forced_settings=forced(a={"x": "tenant"}, d={"x": "tenant"}),
    )

    assert found["forced_plugin_settings"] == {
        "a": {"x": "tenant", "y": "fleet"},
        "b": {"x": "release", "z": "release"},
        "c": {"x": "fleet"},
        "d": {"x": "tenant"},
    }


@pytest.mark.parametrize("name", ["cachedir", "localcachedir", "tempdir"])
def test_directories_of_caches_are_moodles_own(tree: Path, name: str):
    assert name not in cfg(tree)
