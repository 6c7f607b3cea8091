"""The system commands that are ours alone, on a real Moodle."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from commands import tasks
from commands.models import Job, Run
from tenants import moodledb, php
from tenants.models import Tenant
from tests.conftest import RunOf

pytestmark = [pytest.mark.moodle, pytest.mark.slow]
Campus = tuple[Tenant, Tenant]
PASSWORD = "Brand-new-4711"


def ended(run: Run, state: str = "succeeded") -> Job:
    job = run.jobs.get()
    assert job.state == state, (job.error, job.text()[0])
    return job


def rows(tenant: Tenant, table: str, columns: str, where: str, *values) -> list[tuple]:
    name = moodledb.table(tenant, table)
    sql = f"SELECT {columns} FROM {name} WHERE {where} ORDER BY id"
    return moodledb.query(tenant.server, sql, values)


def sql(tenant: Tenant, statement: str, *values) -> None:
    """Change the site's database; `{name}` is a table of it."""
    names = {
        name: moodledb.table(tenant, name)
        for name in ("user", "config", "mnet_host", "course_categories")
    }
    moodledb.execute(tenant.server, statement.format(**names), values)


@pytest.fixture
def admins(campus: Campus) -> Iterator[Tenant]:
    """Return beta, whose administrators are put back in the end."""
    _main, beta = campus
    columns = "id, username, password, deleted, suspended, email, auth"
    before = rows(beta, "user", columns, "username IN ('admin', 'guest')")
    config = moodledb.config_of(beta, ["siteadmins", "siteguest"])
    yield beta
    ours = "(username LIKE 'vm-%%' OR username = 'admin') AND id NOT IN (%s, %s)"
    sql(beta, f"DELETE FROM {{user}} WHERE {ours}", *(row[0] for row in before))
    for pk, name, password, deleted, suspended, email, auth in before:
        sql(
            beta,
            "UPDATE {user} SET username = %s, password = %s, deleted = %s, "
            "suspended = %s, email = %s, auth = %s WHERE id = %s",
            *(name, password, deleted, suspended, email, auth, pk),
        )
    for name, value in config.items():
        sql(beta, "UPDATE {config} SET value = %s WHERE name = %s", value, name)


def add_user(tenant: Tenant, name: str) -> int:
    host = moodledb.config_of(tenant, ["mnet_localhost_id"])["mnet_localhost_id"]
    sql(
        tenant,
        "INSERT INTO {user} (username, mnethostid, auth, confirmed, password, email, "
        "firstname, lastname) VALUES (%s, %s, 'manual', 1, 'x', %s, 'A', 'B')",
        *(name, host, f"{name}@example.org"),
    )
    return rows(tenant, "user", "id", "username = %s", name)[0][0]


def reset(finished: RunOf, tenant: Tenant, more: str = "", password=PASSWORD) -> Run:
    return finished("system/ResetAdmin", [tenant], more, secrets=f"password={password}")


def test_admin_is_let_in_with_a_new_password(admins: Tenant, finished: RunOf):
    other = add_user(admins, "vm-other")
    sql(admins, "UPDATE {config} SET value = %s WHERE name = 'siteadmins'", str(other))
    sql(admins, "UPDATE {user} SET suspended = 1 WHERE username = 'admin'")
    [(pk, old)] = rows(admins, "user", "id, password", "username = 'admin'")

    job = ended(reset(finished, admins, "email=new@example.org"))

    assert job.result == {"id": pk, "account": "updated", "admins": [other, pk]}
    [(new, suspended, email)] = rows(
        admins, "user", "password, suspended, email", "username = 'admin'"
    )
    assert (new != old, suspended, email) == (True, 0, "new@example.org")
    config = moodledb.config_of(admins, ["siteadmins"])
    assert config == {"siteadmins": f"{other},{pk}"}


def test_a_weak_password_changes_nothing(admins: Tenant, finished: RunOf):
    before = rows(admins, "user", "password, suspended", "username = 'admin'")

    job = ended(reset(finished, admins, password="weak"), "failed")

    assert job.error.startswith("the password is too weak: ")
    assert rows(admins, "user", "password, suspended", "username = 'admin'") == before


def test_an_admin_that_is_gone_is_made(admins: Tenant, finished: RunOf):
    sql(admins, "UPDATE {user} SET username = 'vm-away' WHERE username = 'admin'")

    without = ended(reset(finished, admins), "failed")
    made = ended(reset(finished, admins, "email=a@example.org&lastname=Boss"))

    assert "give the e-mail address" in without.error
    assert made.result["account"] == "created"
    columns = "firstname, lastname, confirmed, auth"
    new = rows(admins, "user", columns, "id = %s", made.result["id"])
    assert new == [("Local", "Boss", 1, "manual")]
    assert len(made.result["admins"]) == 2


def test_administrators_are_added_and_never_lost(admins: Tenant, finished: RunOf):
    [(admin,)] = rows(admins, "user", "id", "username = 'admin'")
    own = [add_user(admins, name) for name in ("vm-a1", "vm-a2", "vm-b")]
    sql(admins, "UPDATE {config} SET value = %s WHERE name = 'siteadmins'", str(own[2]))
    sql(admins, "UPDATE {config} SET value = '999' WHERE name = 'siteguest'")
    sql(admins, "UPDATE {user} SET deleted = 1 WHERE username = 'admin'")
    wanted = "userscheme=vm-a%25&fixguest=1"

    job = ended(finished("system/FixSiteAdmins", [admins], wanted))
    again = ended(finished("system/FixSiteAdmins", [admins], wanted), "skipped")

    assert job.result["added"] == ["admin", "vm-a1", "vm-a2"]
    assert again.error == "it is so already"
    config = moodledb.config_of(admins, ["siteadmins", "siteguest"])
    assert config["siteadmins"] == f"{own[2]},{admin},{own[0]},{own[1]}"
    assert config["siteguest"] != "999"
    assert rows(admins, "user", "deleted", "username = 'admin'") == [(0,)]


def test_a_main_tenant_that_mnet_does_not_know_is_told(admins: Tenant, finished: RunOf):
    run = finished("system/FixSiteAdmins", [admins], "withmnetadmins=1")

    error = ended(run, "failed").error
    assert error == "the site knows no MNet peer http://alpha.example.org"


@pytest.fixture
def known(campus: Campus) -> Iterator[Campus]:
    """Return both tenants, of which alpha knows beta as an MNet peer."""
    alpha, beta = campus
    insert = "INSERT INTO {mnet_host} (wwwroot, name, public_key) VALUES (%s, 'b', '')"
    sql(alpha, insert, beta.wwwroot)
    texts = "UPDATE {course_categories} SET description = %s WHERE id = 1"
    sql(beta, texts, f'<a href="{beta.wwwroot}/course">here</a>')
    yield alpha, beta
    sql(alpha, "DELETE FROM {mnet_host} WHERE name = 'b'")
    sql(beta, texts, "")


def test_a_site_is_moved_to_https_with_its_texts(known: Campus, finished: RunOf):
    alpha, beta = known

    run = finished("system/SwitchProtocol", [beta], "protocol=https&content=1")

    ended(run)
    beta.refresh_from_db()
    assert beta.wwwroot == "https://beta.example.org"
    assert rows(alpha, "mnet_host", "wwwroot", "name = 'b'") == [(beta.wwwroot,)]
    [(text,)] = rows(beta, "course_categories", "description", "id = 1")
    assert text == '<a href="https://beta.example.org/course">here</a>'
    # Moodle itself is of the same opinion.
    told = list(php.run(beta, "admin/cli/cfg.php", ["--name=wwwroot"]))
    assert beta.wwwroot in told


def test_a_site_is_moved_to_another_domain(known: Campus, finished: RunOf):
    alpha, beta = known

    ended(finished("system/SwitchDomain", [beta], "domain=example.net"))

    beta.refresh_from_db()
    told = list(php.run(beta, "admin/cli/cfg.php", ["--name=wwwroot"]))
    assert "http://beta.example.net" in told
    peers = rows(alpha, "mnet_host", "wwwroot", "name = 'b'")
    assert peers == [("http://beta.example.net",)]


def test_links_to_a_site_below_stay_when_the_one_above_moves(
    known: Campus, finished: RunOf, settings
):
    settings.VMOODLE_USE_SUBPATH = True
    alpha, beta = known
    above, former = beta.wwwroot, alpha.wwwroot
    alpha.move(f"{above}/school")
    text = "UPDATE {course_categories} SET description = '%s' WHERE id = 1"
    sql(beta, text % f"{above}/course {above}/school/course")

    try:
        ended(finished("system/SwitchDomain", [beta], "domain=example.net&content=1"))
    finally:
        alpha.move(former)

    texts = rows(beta, "course_categories", "description", "id = 1")
    assert texts == [(f"http://beta.example.net/course {above}/school/course",)]


def test_tables_are_converted_to_innodb(campus: Campus, finished: RunOf):
    _main, beta = campus
    table = moodledb.table(beta, "blog_external")
    moodledb.execute(beta.server, f"ALTER TABLE {table} ENGINE=MyISAM")

    job = ended(finished("system/MysqlEngine", [beta], "engine=InnoDB"))

    assert job.result["converted"] == 1
    listed = ended(finished("system/MysqlEngine", [beta], "list=1"))
    assert set(listed.result["engines"]) == {"InnoDB"}


@pytest.fixture
def users(admins: Tenant) -> Tenant:
    """Return beta with three users, of whom one is an administrator."""
    made = [add_user(admins, name) for name in ("vm-u1", "vm-u2", "vm-boss")]
    sql(admins, "UPDATE {user} SET city = 'Vm City' WHERE username LIKE 'vm-%%'")
    stored = f"2,{made[2]}"
    sql(admins, "UPDATE {config} SET value = %s WHERE name = 'siteadmins'", stored)
    ended(purged(admins))
    return admins


def purged(tenant: Tenant) -> Run:
    """Purge caches, since the site's settings were changed behind its back."""
    run = Run.objects.create(
        command="generic/PurgeCaches", targets=[tenant.pk], actor="tester"
    )
    run.start()
    tasks.lane(run.pk)
    return run


def test_users_are_suspended_and_deleted_by_rules(users: Tenant, finished: RunOf):
    rules = "rules=equals:city:Vm City|matches:username:^vm-u|nothasrole:site:*"

    dry = ended(finished("system/DeleteUsers", [users], f"action=delete&{rules}"))
    suspended = ended(
        finished("system/DeleteUsers", [users], f"action=suspend&run=1&{rules}")
    )
    left = rows(users, "user", "id", "username = 'vm-u2'")[0][0]
    deleted = ended(
        finished(
            "system/DeleteUsers",
            [users],
            f"action=delete&run=1&ignoreusers={left}&rules=equals:city:Vm City",
        )
    )

    assert dry.result == {"users": 2, "done": 0}
    assert "would delete" in dry.text()[0]
    assert suspended.result == {"users": 2, "done": 2}
    assert deleted.result == {"users": 1, "done": 1}
    found = rows(users, "user", "username, suspended, deleted", "city = 'Vm City'")
    assert ("vm-u2", 1, 0) in found
    assert ("vm-boss", 0, 0) in found
    assert [row for row in found if row[2]] != []
    sql(users, "DELETE FROM {user} WHERE city = 'Vm City'")


@pytest.mark.parametrize(
    ("rules", "sentence"),
    [
        ("equals:nonsense:1", "users have no field 'nonsense'"),
        ("equals:password:x", "users have no field 'password'"),
        ("matches:city:(", "'(' is no regular expression"),
        ("hasrole:site:nobody", "there is no role 'nobody'"),
        ("equals:city:Nowhere at all", "no user fits the rules"),
    ],
)
def test_rules_that_make_no_sense_touch_nobody(
    campus: Campus, finished: RunOf, rules, sentence
):
    _main, beta = campus

    job = finished(
        "system/DeleteUsers", [beta], f"action=delete&run=1&rules={rules}"
    ).jobs.get()

    assert (job.state in {"failed", "skipped"}, job.error) == (True, sentence)


@pytest.fixture
def tree(campus: Campus, finished: RunOf) -> Iterator[tuple[Tenant, int]]:
    """Return beta and the number of a category with courses in and below it."""
    _main, beta = campus
    ended(
        finished("courses/CreateCategory", [beta], "path=VmTop/Below&idnumber=VM-LOW")
    )
    ended(finished("courses/CreateCategory", [beta], "path=VmTop&idnumber=VM-TOP2"))
    for name, number in (("VM-P1", "VM-TOP2"), ("VM-P2", "VM-LOW")):
        make_course(beta, name, number)
    [(pk,)] = rows(beta, "course_categories", "id", "idnumber = 'VM-TOP2'")
    yield beta, pk
    left = "idnumber=VM-TOP2&delay=0&spread=0"
    finished("courses/DeleteCourseCategory", [beta], left)


def make_course(tenant: Tenant, name: str, category: str) -> None:
    """Make a course by Moodle's own upload."""
    path = Path(tenant.data_path, "vm-courses.csv")
    path.write_text(f"shortname,fullname,category_idnumber\n{name},{name},{category}\n")
    options = [f"--file={path}", "--mode=createnew"]
    list(php.run(tenant, "admin/tool/uploadcourse/cli/uploadcourse.php", options))
    path.unlink()


def test_courses_of_a_category_are_removed(tree, finished: RunOf):
    beta, pk = tree
    [(kept,)] = rows(beta, "course", "id", "shortname = 'VM-P1'")

    dry = ended(finished("system/RemoveCourses", [beta], f"category={pk}&dryrun=1"))
    some = ended(
        finished("system/RemoveCourses", [beta], f"category={pk}&ignorecourses={kept}")
    )
    rest = ended(finished("system/RemoveCourses", [beta], f"categories={pk}"))
    gone = ended(finished("system/RemoveCourses", [beta], f"category={pk}"), "failed")

    assert dry.result == {"courses": 2, "categories": 1, "over": True}
    assert some.result == {"courses": 1, "categories": 1, "over": True}
    assert rest.result == {"courses": 1, "categories": 1, "over": True}
    assert gone.error == f"there is no category {pk}"
    assert rows(beta, "course", "id", "shortname LIKE 'VM-P_'") == []


def test_grades_are_recovered_from_the_history(tree, finished: RunOf):
    beta, _pk = tree
    [(course,)] = rows(beta, "course", "id", "shortname = 'VM-P1'")

    nothing = ended(
        finished("system/RecoverGrades", [beta], f"courseid={course}"), "skipped"
    )
    unknown = ended(finished("system/RecoverGrades", [beta], "courseid=999"), "failed")
    lose_a_grade(beta, course)
    job = ended(finished("system/RecoverGrades", [beta], f"courseid={course}"))

    assert nothing.error == "no enrolled user has lost a grade that the history knows"
    assert unknown.error == "there is no course 999"
    assert job.result == {"recovered": 1, "courses": 1}
    items = moodledb.table(beta, "grade_items")
    where = (
        f"itemid IN (SELECT id FROM {items} WHERE courseid = %s) AND finalgrade = 42"
    )
    assert len(rows(beta, "grade_grades", "userid", where, course)) == 1


def lose_a_grade(tenant: Tenant, course: int) -> None:
    """Enrol admin, give a grade, and let it be lost to all but the history."""
    script = Path(tenant.data_path, "vm-grade.php")
    script.write_text(
        f"""<?php
        define('CLI_SCRIPT', true);
        require '{tenant.release.path}/config.php';
        require_once $CFG->libdir . '/gradelib.php';
        require_once $CFG->libdir . '/enrollib.php';
        $manual = enrol_get_plugin('manual');
        $course = get_course({course});
        $manual->add_default_instance($course);
        $where = ['courseid' => $course->id, 'enrol' => 'manual'];
        $manual->enrol_user($DB->get_record('enrol', $where), get_admin()->id, 5);
        $item = new grade_item(['courseid' => $course->id, 'itemtype' => 'manual',
            'itemname' => 'vm', 'grademin' => 0, 'grademax' => 100], false);
        $item->insert();
        $item->update_final_grade(get_admin()->id, 42);
        foreach (grade_grade::fetch_all(['userid' => get_admin()->id]) as $grade) {{
            if ($grade->load_grade_item()->courseid == $course->id) {{
                $grade->delete('userdelete');
            }}
        }}
        """
    )
    list(php.run(tenant, script))
    script.unlink()


@pytest.fixture
def export(campus: Campus, tmp_path: Path) -> Iterator[Path]:
    """Return a file with two rows of config_plugins, of which beta has the first."""
    _main, beta = campus
    table = moodledb.table(beta, "config_plugins")
    insert = f"INSERT INTO {table} (plugin, name, value) VALUES ('vm_test', 'a', 'old')"
    moodledb.execute(beta.server, insert)
    data = [
        {"id": f"{n}", "plugin": "vm_test", "name": name, "value": "new"}
        for n, name in ((1, "a"), (2, "b"))
    ]
    name = {"type": "table", "name": "mdl_config_plugins"}
    path = tmp_path / "rows.json"
    path.write_text(json.dumps([{**name, "data": data}]))
    yield path
    moodledb.execute(beta.server, f"DELETE FROM {table} WHERE plugin = 'vm_test'")


def test_rows_are_changed_or_added_by_their_keys(
    campus: Campus, export: Path, finished: RunOf
):
    _main, beta = campus
    given = f"file={export}&keyfields=plugin,name"

    dry = ended(finished("system/ImportMappedData", [beta], f"{given}&dryrun=1"))
    before = rows(beta, "config_plugins", "name, value", "plugin = 'vm_test'")
    job = ended(finished("system/ImportMappedData", [beta], given))

    found = rows(beta, "config_plugins", "id, name, value", "plugin = 'vm_test'")
    assert (dry.result["changed"], dry.result["added"], before) == (
        1,
        1,
        [("a", "old")],
    )
    assert [row[1:] for row in found] == [("a", "new"), ("b", "new")]
    ids = [row[0] for row in found]
    assert job.result["map"] == [
        {"old": old, "new": new} for old, new in zip((1, 2), ids, strict=True)
    ]


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ('"mdl_config_plugins"', '"sessions"', "no table 'sessions' to import into"),
        ('"mdl_config_plugins"', '"a`b"', "no table 'a`b' to import into"),
        ('"value"', '"worth"', "the table config_plugins has no column worth"),
        ('"name": "b"', '"value": "b"', "row 2 of the file has no name"),
    ],
)
def test_rows_that_do_not_fit_change_nothing(
    campus: Campus, export: Path, finished: RunOf, before, after, sentence
):
    _main, beta = campus
    export.write_text(export.read_text().replace(before, after))

    run = finished(
        "system/ImportMappedData", [beta], f"file={export}&keyfields=plugin,name"
    )

    assert sentence in ended(run, "failed").error
    found = rows(beta, "config_plugins", "name, value", "plugin = 'vm_test'")
    assert found == [("a", "old")]


def test_a_redis_that_cannot_be_used_changes_nothing(campus: Campus, finished: RunOf):
    _main, beta = campus
    ended(finished("generic/PurgeCaches", [beta]))
    muc = Path(beta.data_path, "muc/config.php")
    before = muc.read_text() if muc.is_file() else ""

    run = finished(
        "system/SetupRedisInstance",
        [beta],
        "redisname=vm&redishost=127.0.0.1:1&activate=1",
    )

    error = ended(run, "failed").error
    assert "install php-redis first" in error or "127.0.0.1:1 does not answer" in error
    assert (muc.read_text() if muc.is_file() else "") == before
