"""Scripts on the sandbox: style sheets, test plans, plugins that are uninstalled."""

import csv
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tenants import moodledb
from tests.conftest import RunOf
from tests.demo.site import DONE, Pair, Told, change, read
from tests.demo.test_courses import make_course

pytestmark = pytest.mark.django_db


def test_style_sheets_are_compiled(pair: Pair, told: Told, finished: RunOf):
    colour = "(plugin, name, value) VALUES ('theme_boost', 'brandcolor', '#123456')"
    change(pair[1], "INSERT INTO {config_plugins} " + colour)

    jobs = finished("system/BuildThemeCss", pair).jobs.all()
    unknown = told("system/BuildThemeCss", "themes=none")

    assert [job.result for job in jobs] == [{"themes": ["boost"]}] * 2
    assert all("Unable to find theme config for none" in said for said in unknown)
    sheets = Path(pair[1].data_path, "localcache/theme").rglob("boost/css/*.css")
    left, right = sorted(sheets, key=lambda path: path.name, reverse=True)
    assert "all-rtl_" in right.name
    assert left.read_text().startswith("body{font-family:sans-serif;margin-left:2rem")
    assert "margin-right:2rem" in right.read_text()
    assert "color:#123456" in left.read_text()


def test_a_test_plan_is_made(pair: Pair, told: Told, finished: RunOf):
    for tenant in pair:
        make_course(tenant, "maths")
    plan = "system/MakeTestPlan", "shortname=maths&bypasscheck=1&size={}"

    unset = told(plan[0], plan[1].format("XS"))
    for tenant in pair:
        tenant.forced_settings = {"tool_generator_users_password": "Tests-1234"}
        tenant.save()
    too_few = told(plan[0], plan[1].format("S"))
    jobs = finished(plan[0], pair, plan[1].format("XS")).jobs.all()

    assert all("set tool_generator_users_password among" in said for said in unset)
    assert all("needs 30 users" in said for said in too_few)
    for job in jobs:
        assert job.result["plan"].startswith(f"{job.tenant.wwwroot}/pluginfile.php/")
        threads = ElementTree.fromstring(made(job, "plan")).find(
            ".//*[@name='ThreadGroup.num_threads']"
        )
        assert threads is not None
        assert threads.text == "1"
        assert list(csv.reader([made(job, "users")])) == [
            ["tool_generator_000001", "Tests-1234"]
        ]


def made(job, which: str) -> str:
    """Return the content of one of the two files of a test plan."""
    kept = "SELECT contenthash FROM {files} WHERE filename = %s"
    [(name,)] = read(job.tenant, kept, job.result[which].rpartition("/")[2])
    return Path(job.tenant.data_path, "filedir", name[:2], name[2:4], name).read_text()


def test_plugins_are_uninstalled(pair: Pair, told: Told, finished: RunOf):
    ghost = "(plugin, name, value) VALUES ('local_ghost', 'version', '2020010100')"
    for tenant in pair:
        change(tenant, "INSERT INTO {config_plugins} " + ghost)
    uninstall = "system/UninstallPlugins"
    there = "SELECT plugin FROM {config_plugins} WHERE name = 'version' ORDER BY 1"

    shown = finished(uninstall, pair, "show_contrib=1").jobs.last().text()[0]
    assert shown.split() == ["local_ghost", "local_ghost", "mod_board", "mod_board"]
    assert told(uninstall, "purge_missing=1") == [DONE, DONE]
    assert ("local_ghost",) in read(pair[1], there)
    assert told(uninstall, "purge_missing=1&run=1") == [DONE, DONE]
    assert ("local_ghost",) not in read(pair[1], there)

    assert told(uninstall, "plugins=mod_quiz&run=1") == [DONE, DONE]
    assert ("mod_quiz",) not in read(pair[1], there)
    assert read(pair[1], "SELECT name FROM {modules} ORDER BY name") == [
        ("board",),
        ("forum",),
    ]
    capabilities = "SELECT COUNT(*) FROM {role_capabilities} WHERE capability LIKE %s"
    assert read(pair[1], capabilities, "mod/quiz:%") == [(0,)]
    assert moodledb.config_of(pair[1], ["allversionshash"]) == {"allversionshash": ""}
    refused = told(uninstall, "plugins=mod_forum,mod_none&run=1")
    assert (
        refused
        == ["Can not be uninstalled: mod_forum\tForum; Unknown plugin: mod_none"] * 2
    )
