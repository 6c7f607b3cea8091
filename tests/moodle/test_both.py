"""Every command that changes one site, on two real Moodles in one run each.

What exactly each of them changes, and what it leaves, other files here prove.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from commands.models import Job, Run
from tenants import moodledb, php
from tenants.models import Tenant
from tests.conftest import RunOf
from tests.moodle.in_moodle import in_moodle
from tests.moodle.site import Campus, add_user, lose_a_grade, sql
from tests.redisserver import keys, redis_server

pytestmark = [pytest.mark.moodle, pytest.mark.slow]
Do = Callable[..., Run]
NOW = "delay=0&spread=0"
COURSE = """
    require_once "$CFG->dirroot/course/lib.php";
    $category = $DB->get_field('course_categories', 'id', ['idnumber' => 'VM-BOTH']);
    $names = ['fullname' => 'Both', 'shortname' => 'vm-both', 'idnumber' => 'vm-both'];
    return create_course((object) ($names + ['category' => $category]))->id;
"""


@pytest.fixture
def do(campus: Campus, finished: RunOf) -> Do:
    """Return a function that runs a command on both sites, and has it succeed."""

    def run(command: str, attributes: str = "", secrets: str = "") -> Run:
        done = finished(command, campus, attributes, secrets=secrets)
        for job in done.jobs.all():
            assert job.state == Job.State.SUCCEEDED, (command, job.error, job.text()[0])
        assert done.jobs.count() == 2
        return done

    return run


def found(tenant: Tenant, columns: str, table: str, where: str) -> moodledb.Rows:
    name = moodledb.table(tenant, table)
    statement = f"SELECT {columns} FROM {name} WHERE {where} ORDER BY id"
    return moodledb.query(tenant.server, statement)


COMPARISONS = {
    "generic/CompareSettings": "settings=quiz/vmoodle_both",
    "plugins/Compare": "plugintype=mod",
    "roles/Compare": "role=teacher",
    "roles/AllowCompare": "table=assign",
}


def test_settings_caches_and_plugins_of_both(campus: Campus, do: Do, finished: RunOf):
    do("upgrade/CheckStatus")
    do("generic/SetConfig", "key=vmoodle_both&value=1")
    do("generic/SetPluginConfig", "pkey=quiz/vmoodle_both&pvalue=1")
    do("generic/Maintenance", "message=Soon")
    do("generic/Maintenance", "message=OFF")
    do("generic/PurgeCaches", "muc=1")
    for state in ("disable", "enable"):
        do("plugins/SetState", f"plugin=mod/url&state={state}")
    for state in ("available", "disable"):
        do("plugins/SetFilterState", f"plugin=multilang&state={state}")
    do("system/MysqlEngine", "list=1")
    for command, given in COMPARISONS.items():
        jobs = finished(command, campus, given).jobs.order_by("pk")
        assert [job.error or job.result for job in jobs] == [
            "it is the source",
            {"differ": {}},
        ]

    for tenant in campus:
        assert found(tenant, "value", "config", "name = 'vmoodle_both'") == [("1",)]
        assert len(found(tenant, "id", "config_plugins", "name = 'vmoodle_both'")) == 1
        for table in ("config", "config_plugins"):
            name = moodledb.table(tenant, table)
            statement = f"DELETE FROM {name} WHERE name = 'vmoodle_both'"
            moodledb.execute(tenant.server, statement)


def test_courses_of_both(campus: Campus, do: Do, finished: RunOf, tmp_path: Path):
    do("courses/CreateCategory", "path=VmBoth&idnumber=VM-BOTH")
    for tenant in campus:
        lose_a_grade(tenant, in_moodle(tenant, COURSE))
    where = f"destination={tmp_path}/{{shortname}}"
    do("system/Backup", f"courseshortname=vm-both&{where}")
    [archive] = (tmp_path / "beta").glob("*.mbz")
    again = f"shortname=vm-again&idnumber=vm-again&catidnumber=VM-BOTH&{NOW}"

    do("courses/RestoreCourse", f"location={archive}&{again}&enroladmins=none")
    for command, number in (("Category", "VM-BOTH"), ("Course", "vm-again")):
        for visible in (0, 1):
            do(
                f"courses/Set{command}Visibility",
                f"idnumber={number}&visible={visible}",
            )
    told = do("courses/CheckCourse", "shortname=vm-%25")
    recovered = do("system/RecoverGrades")
    do("courses/DeleteCourse", f"idnumber=vm-again&{NOW}")
    left = [courses(tenant) for tenant in campus]
    do("courses/EmptyCourseCategory", f"idnumber=VM-BOTH&{NOW}")
    emptied = [courses(tenant) for tenant in campus]
    for tenant in campus:
        in_moodle(tenant, COURSE)
        [(pk,)] = found(tenant, "id", "course_categories", "idnumber = 'VM-BOTH'")
        run = finished("system/RemoveCourses", [tenant], f"category={pk}")
        assert run.jobs.get().result["courses"] == 1
    do("courses/DeleteCourseCategory", f"idnumber=VM-BOTH&{NOW}")

    assert all("vm-again" in job.text()[0] for job in told.jobs.all())
    assert all(job.result["recovered"] >= 1 for job in recovered.jobs.all())
    assert (left, emptied) == ([[("vm-both",)]] * 2, [[]] * 2)
    for tenant in campus:
        assert courses(tenant) == []
        assert found(tenant, "id", "course_categories", "name = 'VmBoth'") == []


def courses(tenant: Tenant) -> moodledb.Rows:
    ours = "shortname IN ('vm-both', 'vm-again')"
    return list(found(tenant, "shortname", "course", ours))


@pytest.fixture
def people(campus: Campus) -> Iterator[Campus]:
    """Return both, each with a user of ours, who goes in the end."""
    for tenant in campus:
        add_user(tenant, "vm-both")
        sql(tenant, "UPDATE mdl_config SET value = '999' WHERE name = 'siteguest'")
    yield campus
    for tenant in campus:
        sql(tenant, "DELETE FROM mdl_user WHERE username = 'vm-both'")
        sql(tenant, "DELETE FROM mdl_config_plugins WHERE plugin = 'vm_both'")


def test_people_and_rows_of_both(people: Campus, do: Do, tmp_path: Path):
    rows = tmp_path / "rows.json"
    data = [{"id": "1", "plugin": "vm_both", "name": "a", "value": "new"}]
    table = {"type": "table", "name": "mdl_config_plugins", "data": data}
    rows.write_text(json.dumps([table]))

    do("system/ResetAdmin", secrets="password=Both-have-4711")
    do("system/FixSiteAdmins", "fixguest=1")
    user = "rules=equals:username:vm-both"
    do("system/DeleteUsers", f"action=suspend&run=1&{user}")
    do("system/ImportMappedData", f"file={rows}&keyfields=plugin,name")

    for tenant in people:
        suspended = found(tenant, "suspended", "user", "username = 'vm-both'")
        assert list(suspended) == [(1,)]
        value = found(tenant, "value", "config_plugins", "plugin = 'vm_both'")
        assert list(value) == [("new",)]
        [(guest,)] = found(tenant, "id", "user", "username = 'guest'")
        assert moodledb.config_of(tenant, ["siteguest"]) == {"siteguest": str(guest)}


def test_both_are_moved_and_back(campus: Campus, do: Do):
    names = [tenant.shortname for tenant in campus]

    for command, given, address in (
        ("system/SwitchProtocol", "protocol=https", "https://{}.example.org"),
        ("system/SwitchDomain", "domain=example.net", "https://{}.example.net"),
        ("system/SwitchDomain", "domain=example.org", "https://{}.example.org"),
        ("system/SwitchProtocol", "protocol=http", "http://{}.example.org"),
    ):
        do(command, given)
        for tenant, name in zip(campus, names, strict=True):
            tenant.refresh_from_db()
            told = list(php.run(tenant, "admin/cli/cfg.php", ["--name=wwwroot"]))
            moved = address.format(name)
            assert (tenant.wwwroot, moved in told) == (moved, True)


@pytest.fixture
def redis(campus: Campus, tmp_path: Path) -> Iterator[int]:
    """Return the port of a Redis server that neither site knows in the end."""
    files = [Path(tenant.data_path, "muc/config.php") for tenant in campus]
    for tenant in campus:  # which writes the file
        list(php.run(tenant, "admin/cli/purge_caches.php", ["--muc"]))
    kept = [file.read_bytes() for file in files]
    with redis_server(tmp_path) as port:
        yield port
        for file, content in zip(files, kept, strict=True):
            file.write_bytes(content)
    for tenant in campus:
        list(php.run(tenant, "admin/cli/purge_caches.php", ["--muc"]))


def test_both_keep_their_caches_in_redis(campus: Campus, do: Do, redis: int):
    do(
        "system/SetupRedisInstance",
        f"redisname=vm&redishost=127.0.0.1:{redis}&redisprefix=p_&activate=1",
    )
    do("generic/SetConfig", "key=vmoodle_redis&value=1")  # which fills a cache

    found = " ".join(keys(redis))
    for tenant in campus:
        assert f"p_{tenant.shortname}_" in found
        config = moodledb.table(tenant, "config")
        statement = f"DELETE FROM {config} WHERE name = 'vmoodle_redis'"
        moodledb.execute(tenant.server, statement)
