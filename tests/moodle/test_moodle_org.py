"""What a real Moodle fetches from moodle.org, or tells it, both ways."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from commands.models import Job
from tenants import moodledb, php
from tests.conftest import RunOf
from tests.moodle.moodleorg import MoodleOrg, moodle_org
from tests.moodle.site import Campus

pytestmark = [pytest.mark.moodle, pytest.mark.slow]
FORGET = ("admin/cli/purge_caches.php", ["--lang"])  # Moodle keeps which there are
PACK = """<?php
$string['thislanguage'] = 'Test %s';
$string['parentlanguage'] = '';
"""


@pytest.fixture
def moodleorg(campus: Campus, tmp_path: Path) -> Iterator[MoodleOrg]:
    """Return what both sites take for moodle.org."""
    bundles = [Path(tenant.data_path, "moodleorgca.crt") for tenant in campus]
    with moodle_org(tmp_path) as server:
        for tenant, bundle in zip(campus, bundles, strict=True):
            tenant.forced_settings = server.settings
            tenant.save()
            shutil.copy(server.certificate, bundle)
        yield server
    for bundle in bundles:
        bundle.unlink()


@pytest.fixture
def packs(campus: Campus) -> Iterator[list[Path]]:
    """Return a file of a language pack, an old one, on each of the sites."""
    files = [Path(t.data_path, "lang/de/langconfig.php") for t in campus]
    for tenant, file in zip(campus, files, strict=True):
        file.parent.mkdir(parents=True)
        file.write_text(PACK % "old")
        list(php.run(tenant, *FORGET))
    yield files
    for tenant, file in zip(campus, files, strict=True):
        shutil.rmtree(file.parent)
        list(php.run(tenant, *FORGET))


def newest(campus: Campus) -> str:
    """Return the release of the sites as their language packs call it, such as 4.3."""
    branch = campus[0].release.branch
    return f"{branch[0]}.{int(branch[1:])}"


def test_language_packs_are_brought_up_to_date(
    campus: Campus, finished: RunOf, moodleorg: MoodleOrg, packs: list[Path]
):
    moodleorg.offer(newest(campus), "de", PACK % "new")

    first = finished("system/UpdateLangpacks", campus)
    again = finished("system/UpdateLangpacks", campus)

    for job in first.jobs.all():
        assert job.state == Job.State.SUCCEEDED, (job.error, job.text()[0])
        assert "Language pack 'de' was successfully updated" in job.result["said"]
    for job in again.jobs.all():
        assert job.state == Job.State.SUCCEEDED, (job.error, job.text()[0])
    assert [file.read_text() for file in packs] == [PACK % "new"] * 2


def test_a_language_pack_that_came_broken_changes_nothing(
    campus: Campus, finished: RunOf, moodleorg: MoodleOrg, packs: list[Path]
):
    moodleorg.offer(newest(campus), "de", PACK % "new")
    [zipped] = [path for path in moodleorg.files if path.endswith(".zip")]
    moodleorg.files[zipped] = moodleorg.files[zipped][:-30]

    for job in finished("system/UpdateLangpacks", campus).jobs.all():
        assert job.state == Job.State.FAILED
        assert "exception occurred while installing language packs" in job.error
    assert [file.read_text() for file in packs] == [PACK % "old"] * 2


@pytest.fixture
def members(campus: Campus) -> Iterator[Campus]:
    """Return both sites, registered at moodle.org long ago."""
    for tenant in campus:
        hubs, settings = (
            moodledb.table(tenant, name)
            for name in ("registration_hubs", "config_plugins")
        )
        moodledb.execute(
            tenant.server,
            f"INSERT INTO {hubs} (token, hubname, huburl, confirmed, secret,"
            " timemodified) VALUES ('vm-token', 'moodle', 'https://stats.moodle.org',"
            " 1, 's', 1)",
        )
        moodledb.execute(
            tenant.server,
            f"INSERT INTO {settings} (plugin, name, value)"
            " VALUES ('hub', 'site_regupdateversion', '2099010100')",
        )
    yield campus
    for tenant in campus:
        hubs, settings = (
            moodledb.table(tenant, name)
            for name in ("registration_hubs", "config_plugins")
        )
        moodledb.execute(tenant.server, f"DELETE FROM {hubs}")
        moodledb.execute(tenant.server, f"DELETE FROM {settings} WHERE plugin = 'hub'")
        list(php.run(tenant, "admin/cli/purge_caches.php", ["--muc"]))


def test_a_registration_is_told_to_moodle_org(
    members: Campus, finished: RunOf, moodleorg: MoodleOrg
):
    before = int(time.time())

    run = finished("system/Register", members, "protected=1")

    for job in run.jobs.all():
        assert job.state == Job.State.SUCCEEDED, (job.error, job.text()[0])
        assert job.result["updated"] >= before
    told = {each["siteinfo[url]"]: each for each in moodleorg.told}
    assert sorted(told) == [tenant.wwwroot for tenant in members]
    for each in told.values():
        assert each["wsfunction"] == "hub_update_site_info"
        assert (each["wstoken"], each["siteinfo[privacy]"]) == ("vm-token", "named")


def test_a_registration_that_moodle_org_refuses_is_told(
    members: Campus, finished: RunOf, moodleorg: MoodleOrg
):
    moodleorg.answer = {"exception": "x", "errorcode": "busy", "message": "Come later"}

    for job in finished("system/Register", members).jobs.all():
        assert job.state == Job.State.FAILED
        assert "Come later" in job.error
    asked = "SELECT MAX(timemodified) FROM {} WHERE confirmed = 1"
    for tenant in members:
        hubs = moodledb.table(tenant, "registration_hubs")
        assert moodledb.query(tenant.server, asked.format(hubs)) == [(1,)]
        list(
            php.run(
                tenant,
                "admin/cli/scheduled_task.php",
                [r"--execute=\core\task\registration_cron_task"],
            )
        )
