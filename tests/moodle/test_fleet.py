"""The whole way on a real Moodle: two tenants from the older release to the newer."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.moodle.conftest import NAMES, Fleet, version

pytestmark = [pytest.mark.moodle, pytest.mark.slow]


@pytest.mark.timeout(900)
def test_a_fleet_goes_from_one_release_to_the_next(fleet: Fleet, workers):
    """Each step needs the one before it, so they are one test."""
    both_answer_as_themselves(fleet, fleet.old)
    an_unknown_host_is_nobody(fleet)
    maintenance_closes_one_site_only(fleet)
    caches_are_purged(fleet)
    a_pinned_tenant_is_pending(fleet)
    a_plugin_that_cannot_be_upgraded_leaves_the_site_open(fleet)
    a_killed_upgrade_is_told_and_leaves_no_lock(fleet)
    the_fleet_is_upgraded(fleet)
    both_answer_as_themselves(fleet, fleet.new)
    a_second_run_starts_no_php(fleet)


def both_answer_as_themselves(fleet: Fleet, tree: Path) -> None:
    for name in NAMES:
        status, html = fleet.page(name, tree)
        assert status == 200, html[:500]
        assert f"{name.title()} School" in html or f"| {name}" in html
        assert f'"wwwroot":"{fleet.url(name)}"'.replace("/", "\\/") in html


def an_unknown_host_is_nobody(fleet: Fleet) -> None:
    status, html = fleet.page("unknown", fleet.old)

    assert status == 404
    assert "moodle_" not in html


def maintenance_closes_one_site_only(fleet: Fleet) -> None:
    host = f"--host={fleet.url('north')}"

    fleet.manage("maintenance", host, "--enable")
    assert fleet.page("north", fleet.old)[0] == 503
    assert fleet.page("south", fleet.old)[0] == 200

    fleet.manage("maintenance", host, "--disable")
    assert fleet.page("north", fleet.old)[0] == 200


def caches_are_purged(fleet: Fleet) -> None:
    cached = fleet.data("north") / "localcache"
    before = fleet.config("north", "themerev")

    fleet.manage("purge_caches", f"--host={fleet.url('north')}")

    assert cached.is_dir()
    assert fleet.config("north", "themerev") != before


def a_pinned_tenant_is_pending(fleet: Fleet) -> None:
    host = f"--host={fleet.url('south')}"
    assert "Up to date" in fleet.manage("check_status", host)
    fleet.manage("upgrade", host, "--is-pending", accept=(0,))

    fleet.python(
        "from tenants.models import Release, Tenant; "
        "Tenant.objects.get(shortname='south').pin(Release.objects.get(name='new'))"
    )

    assert "Upgrade pending" in fleet.manage("check_status", host)
    fleet.manage("upgrade", host, "--is-pending", accept=(2,))
    # Old code on what may be a newer database is stopped by the switch.
    assert fleet.page("south", fleet.old)[0] == 503


def a_plugin_that_cannot_be_upgraded_leaves_the_site_open(fleet: Fleet) -> None:
    plugin = fleet.new / "mod/page/version.php"
    good = plugin.read_text()
    plugin.unlink()  # it is a link to the tree that was copied
    plugin.write_text(re.sub(r"(requires\s*=\s*)[\d.]+", r"\g<1>2999010100", good))

    said = fleet.manage("upgrade", f"--host={fleet.url('south')}", accept=(1,))

    plugin.write_text(good)
    assert "upgrade.php ended with exit code 1" in said
    assert "mod_page" in said
    assert not (fleet.data("south") / "climaintenance.html").exists()
    assert float(fleet.config("south", "version")) == float(version(fleet.old))


def a_killed_upgrade_is_told_and_leaves_no_lock(fleet: Fleet) -> None:
    argv = [sys.executable, str(ROOT / "manage.py"), "upgrade"]
    upgrade = subprocess.Popen(
        [*argv, f"--host={fleet.url('south')}"],
        env=fleet.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said = ""
    while "-->mod_" not in said:
        line = upgrade.stdout.readline()
        assert line, said
        said += line
    assert (fleet.data("south") / "climaintenance.html").exists()

    os.kill(php_of(upgrade.pid), signal.SIGKILL)

    said += upgrade.communicate(timeout=60)[0]
    assert upgrade.returncode not in {0, 2}, said
    assert "exit code -9" in said
    assert fleet.config("south", "upgraderunning") is None
    assert not (fleet.data("south") / "climaintenance.html").exists()
    host = f"--host={fleet.url('south')}"
    assert "Upgrade not finished" in fleet.manage("check_status", host)


def php_of(pid: int) -> int:
    [child] = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(child)


def the_fleet_is_upgraded(fleet: Fleet) -> None:
    printed = fleet.manage("bulkupgrade", "--to-release=new", "--jobs=2", "--json")

    report = json.loads(printed)
    assert report["counts"]["succeeded"] == 2, report
    for name in NAMES:
        assert float(fleet.config(name, "version")) == float(version(fleet.new))
        assert fleet.config(name, "upgraderunning") is None
        assert not (fleet.data(name) / "climaintenance.html").exists()
        said = fleet.manage("check_status", f"--host={fleet.url(name)}")
        assert "Up to date" in said


def a_second_run_starts_no_php(fleet: Fleet) -> None:
    report = json.loads(fleet.manage("bulkupgrade", "--to-release=new", "--json"))

    assert report["counts"]["skipped"] == 2
    assert all("up to date" in tenant["error"] for tenant in report["tenants"])
    assert report["seconds"] < 5
