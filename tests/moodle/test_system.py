"""The system commands that are ours alone, on a real Moodle."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tenants import moodledb, php
from tenants.models import Tenant
from tests.conftest import RunOf
from tests.moodle.site import Campus, ended, lose_a_grade, rows, sql

pytestmark = [pytest.mark.moodle, pytest.mark.slow]


@pytest.fixture
def known(campus: Campus) -> Iterator[Campus]:
    """Return both tenants, of which alpha knows beta as an MNet peer."""
    alpha, beta = campus
    insert = (
        "INSERT INTO mdl_mnet_host (wwwroot, name, public_key) VALUES (%s, 'b', '')"
    )
    sql(alpha, insert, beta.wwwroot)
    texts = "UPDATE mdl_course_categories SET description = %s WHERE id = 1"
    sql(beta, texts, f'<a href="{beta.wwwroot}/course">here</a>')
    yield alpha, beta
    sql(alpha, "DELETE FROM mdl_mnet_host WHERE name = 'b'")
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
    texts = "UPDATE mdl_course_categories SET description = %s WHERE id = 1"
    sql(beta, texts, f"{above}/course {above}/school/course")

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
