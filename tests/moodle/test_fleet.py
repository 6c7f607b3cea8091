"""The whole way on a real Moodle, release to release."""

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.moodle.conftest import INSTALLED, dump_of
from tests.moodle.fleet import Fleet, bulkupgrade, url, version
from tests.patience import PATIENCE, eventually
from tests.webserver import Server

BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/130.0"}
# Lines that Moodle adds to a cache configuration later, whatever was found.
LATER = (
    "'selectedsharingoption' =>",
    "'userinputsharingkey' =>",
    "'siteidentifier' =>",
)
pytestmark = [pytest.mark.moodle, pytest.mark.slow]


def test_each_site_answers_as_itself(fleet: Fleet):
    pages = {name: fleet.page(name) for name in INSTALLED}

    for name, (status, html) in pages.items():
        assert status == 200, html[:500]
        assert f"Log in to {name.title()} School" in html
        assert f'"wwwroot":"{url(name)}"' in html.replace("\\/", "/")


def test_a_site_is_made_by_moodles_own_installer(fleet: Fleet, dumps: Path):
    for name in INSTALLED:
        path = dump_of(fleet.tree("old"), dumps, name).with_suffix(".said")
        if not path.is_file():
            pytest.skip("made by something else before: empty VMOODLE_TEST_CACHE")
        said = path.read_text().replace("\\", "")
        assert "== install Moodle" in said
        assert f"{url(name)} is there" in said
        assert re.findall(r"^GRANT (.*) ON (\S+) TO", said, re.M)[0] == ("USAGE", "*.*")
        assert re.findall(r" ON (\S+) TO", said) == ["*.*", f"`moodle_{name}`.*"]
        state = (
            f"SELECT enabled, attention FROM tenants_tenant WHERE shortname='{name}'"
        )
        assert fleet.in_registry(state) == [(1, "")]
        who = "SELECT email FROM mdl_user WHERE username = 'admin'"
        assert fleet.sql(who, f"moodle_{name}") == "admin@example.org"


def test_an_unknown_host_is_nobody(fleet: Fleet):
    status, html = fleet.page_of(fleet.tree("old"), "unknown")

    assert status == 404
    assert html.count("<p>") == 1, "the page says more than that there is none"


def test_maintenance_closes_one_site_only(fleet: Fleet):
    host = f"--host={url('north')}"

    fleet.manage("maintenance", host, "--enable")

    assert fleet.page("north")[0] == 503
    assert fleet.page("south")[0] == 200

    fleet.manage("maintenance", host, "--disable")

    assert fleet.page("north")[0] == 200


def test_a_purge_empties_the_caches_of_one_site_only(fleet: Fleet):
    marks = {name: fleet.data(name) / "localcache/mark" for name in INSTALLED}
    for mark in marks.values():
        mark.parent.mkdir(exist_ok=True)
        mark.touch()
    before = fleet.config("north", "themerev")

    fleet.manage("purge_caches", f"--host={url('north')}")

    assert not marks["north"].exists()
    assert marks["south"].exists()
    assert int(fleet.config("north", "themerev")) > int(before)


def test_a_tenant_pinned_to_newer_code_is_pending(fleet: Fleet, spare: str):
    host = f"--host={url(spare)}"
    assert "Up to date" in fleet.manage("check_status", host)
    assert fleet.manage("upgrade", host, "--is-pending", code=0)

    fleet.pin(spare, "new")

    assert "Upgrade pending" in fleet.manage("check_status", host)
    assert fleet.manage("upgrade", host, "--is-pending", code=2)
    # The switch stops old code, which Moodle itself would let run.
    assert fleet.page_of(fleet.tree("old"), spare)[0] == 503


@pytest.mark.usefixtures("workers")
def test_a_fleet_goes_from_one_release_to_the_next(
    fleet: Fleet, upgraded: dict[str, Any]
):
    assert upgraded["counts"]["succeeded"] == 2, upgraded
    for name in INSTALLED:
        assert_upgraded(fleet, name)
        status, html = fleet.page(name)
        assert status == 200, html[:500]
        assert f"Log in to {name.title()} School" in html
    a_second_run_starts_no_php(fleet)


def visit(front: Server, fleet: Fleet, name: str, release: str) -> None:
    """Look at a site: it is the right one, and all of it is the release's."""
    tree, other = fleet.tree(release), fleet.tree({"old": "new", "new": "old"}[release])
    page = seen(front, name, "/login/index.php").decode()
    assert set(re.findall(r"http://\w+\.example\.org", page)) == {url(name)}
    sheet = path_in(page, r"/theme/styles\.php/boost/[^\"]+")
    style = seen(front, name, sheet).decode()
    assert own_classes(tree, other) <= classes(style)
    assert not own_classes(other, tree) <= classes(style)
    script = path_in(page, r"/lib/javascript\.php/\d+/lib/javascript-static\.js")
    assert b"M.util" in seen(front, name, script)
    for path, file in (
        (re.sub(r"/\d+/", "/-1/", script), "lib/javascript-static.js"),  # by PHP
        ("/theme/boost/style/moodle.css", "theme/boost/style/moodle.css"),  # by nginx
    ):
        assert seen(front, name, path).strip() == (tree / file).read_bytes().strip()
        assert (tree / file).read_bytes() != (other / file).read_bytes()


def seen(front: Server, name: str, path: str) -> bytes:
    answer, body = front.get(f"{name}.example.org", path, **BROWSER)
    assert answer.status == 200, (path, body[:500])
    return body


def path_in(page: str, pattern: str) -> str:
    found = re.search(pattern, page)
    assert found, pattern
    return found[0]


def classes(style: str) -> set[str]:
    return set(re.findall(r"\.[a-z][\w-]+", style))


def own_classes(tree: Path, other: Path) -> set[str]:
    """Return what only the one release has in its style sheet."""
    mine, others = (
        classes((path / "theme/boost/style/moodle.css").read_text(encoding="utf-8"))
        for path in (tree, other)
    )
    assert mine - others
    return mine - others


def a_second_run_starts_no_php(fleet: Fleet) -> None:
    report = fleet.bulkupgrade("new", *INSTALLED)

    assert report["counts"]["skipped"] == 2, report
    for job in report["tenants"]:
        assert "up to date" in job["error"]
        assert not job["seconds"], "it was started"


def test_an_upgrade_remembers_the_caches_that_it_has_found(
    fleet: Fleet, upgraded: dict[str, Any]
):
    for name in INSTALLED:
        data = fleet.data(name)
        looks = (data / "looked").stat().st_size
        assert 1 <= looks < 100, "Moodle by itself looks more than a thousand times"
        known = (data / "muc/config.php").read_text()
        assert "'core/string'" in known
        script = data / "look.php"
        script.write_text(f"""<?php
            define('CLI_SCRIPT', true);
            require '{fleet.tree("new")}/config.php';
            cache_helper::update_definitions();
            """)
        subprocess.run(["php", script, f"--host={url(name)}"], check=True)
        script.unlink()
        assert settled((data / "muc/config.php").read_text()) == settled(known)
        assert (data / "looked").stat().st_size > looks
        (data / "looked").unlink()


def settled(config: str) -> list[str]:
    """Return a configuration's lines without those that come later by themselves."""
    lines = config.splitlines()
    return [line for line in lines if not line.strip().startswith(LATER)]


def assert_upgraded(fleet: Fleet, name: str) -> None:
    [[code_hash]] = fleet.in_registry(
        "SELECT versions_hash FROM tenants_release WHERE name = 'new'"
    )
    assert fleet.version(name) == version(fleet.tree("new"))
    assert fleet.config(name, "allversionshash") == code_hash
    assert fleet.config(name, "upgraderunning") == ""
    assert not fleet.in_maintenance(name)
    assert "Up to date" in fleet.manage("check_status", f"--host={url(name)}")
    fleet.manage("upgrade", f"--host={url(name)}", "--is-pending", code=0)


@pytest.mark.usefixtures("workers")
def test_a_failed_upgrade_says_what_moodle_said(fleet: Fleet, spare: str):
    report = fleet.bulkupgrade("broken", spare, code=1)

    [job] = report["tenants"]
    assert job["state"] == "failed"
    assert "upgrade.php ended with exit code 1" in job["error"]
    assert "mod_page" in job["error"]
    assert fleet.version(spare) == version(fleet.tree("old"))
    assert fleet.config(spare, "upgraderunning") == ""
    assert not fleet.in_maintenance(spare)


@pytest.mark.usefixtures("workers")
def test_a_killed_upgrade_is_rolled_back(fleet: Fleet, spare: str):
    job = kill_half_way(fleet, spare)

    assert job["state"] == "rolled_back", job["error"]
    assert fleet.version(spare) == version(fleet.tree("old"))
    assert "Up to date" in fleet.manage("check_status", f"--host={url(spare)}")
    assert fleet.page_of(fleet.tree("old"), spare)[0] == 200


@pytest.mark.usefixtures("workers")
def test_a_site_whose_worker_is_killed_can_still_go_back(fleet: Fleet, spare: str):
    run = begin(fleet, spare)
    [(worker,)] = fleet.in_registry(
        "SELECT worker FROM commands_job WHERE state = 'running'"
    )
    os.kill(int(worker.split(":")[1]), signal.SIGKILL)
    assert "its worker died" in ended(fleet, run, spare)["error"]

    assert fleet.in_maintenance(spare)
    assert fleet.page_of(fleet.tree("new"), spare)[0] == 503
    assert attention(fleet, spare).startswith("its upgrade failed half-way: ")

    # The core's version is the new one already: it is at the plugins once more.
    run = fleet.start("manage.py", *bulkupgrade("new", spare))
    eventually(lambda: in_plugins(fleet, spare), "it was not tried again")
    os.kill(php_of(spare), signal.SIGKILL)
    job = ended(fleet, run, spare)

    assert job["state"] == "rolled_back", job["error"]
    assert attention(fleet, spare) == ""
    assert not fleet.in_maintenance(spare)
    assert fleet.version(spare) == version(fleet.tree("old"))
    assert "Up to date" in fleet.manage("check_status", f"--host={url(spare)}")
    assert fleet.page_of(fleet.tree("old"), spare)[0] == 200


def attention(fleet: Fleet, name: str) -> str:
    [(told,)] = fleet.in_registry(
        f"SELECT attention FROM tenants_tenant WHERE shortname = '{name}'"
    )
    return told


def in_plugins(fleet: Fleet, name: str) -> bool:
    """Whether an upgrade is at work that has begun to change the database."""
    return fleet.config(name, "upgraderunning") != ""


def begin(fleet: Fleet, name: str, *options: str) -> "subprocess.Popen[str]":
    """Begin an upgrade; return the shell's process, once the core is upgraded."""
    run = fleet.start("manage.py", *bulkupgrade("new", name), *options)
    eventually(lambda: core_is_done(fleet, name), "the upgrade did not get there")
    assert fleet.in_maintenance(name)
    return run


def ended(fleet: Fleet, run: "subprocess.Popen[str]", name: str) -> dict[str, Any]:
    """Return what the report of a run that has failed says of its one job."""
    out, _err = run.communicate(timeout=PATIENCE)
    assert run.returncode == 1
    assert fleet.config(name, "upgraderunning") == ""
    [job] = json.loads(out)["tenants"]
    return job


def kill_half_way(fleet: Fleet, name: str, *options: str) -> dict[str, Any]:
    """Kill Moodle's script once the core is upgraded; return what the report says."""
    run = begin(fleet, name, *options)
    os.kill(php_of(name), signal.SIGKILL)
    job = ended(fleet, run, name)
    assert not fleet.in_maintenance(name)
    return job


@pytest.mark.usefixtures("workers")
def test_a_killed_upgrade_without_a_snapshot_is_healed(
    fleet: Fleet, front: Server, spare: str
):
    visit(front, fleet, spare, "old")
    visit(front, fleet, "alpha", "new")
    job = kill_half_way(fleet, spare, "--without-snapshot")

    assert job["state"] == "failed"
    said = fleet.manage("check_status", f"--host={url(spare)}")
    assert "Upgrade not finished" in said

    fleet.manage("upgrade", f"--host={url(spare)}", "--to-release=new")

    assert_upgraded(fleet, spare)
    visit(front, fleet, spare, "new")  # nginx and php-fpm are as they were


def core_is_done(fleet: Fleet, name: str) -> bool:
    """Whether the upgrade is at the plugins: the core's version is the new one."""
    return fleet.config(name, "release").startswith(release(fleet.tree("new")))


def release(tree: Path) -> str:
    text = (tree / "version.php").read_text(encoding="utf-8")
    return text.partition("$release")[2].split("'")[1].split()[0]


def php_of(name: str) -> int:
    """Return the process that upgrades the tenant."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().decode().split("\0")
        except OSError:
            continue
        if f"--host={url(name)}" in words and words[0].startswith("php"):
            return int(path.parent.name)
    raise AssertionError(f"no PHP works on {name} at {time.ctime()}")
