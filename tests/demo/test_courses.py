"""Courses and their categories on the sandbox: made, hidden, and deleted."""

import pytest

from tenants import php
from tenants.models import Tenant
from tests.conftest import RunOf
from tests.demo.site import DONE, NOW, SO, Pair, Told, change, read

pytestmark = pytest.mark.django_db
GENERATOR = "admin/tool/generator/cli/maketestcourse.php"


def make_course(tenant: Tenant, name: str, category: str = "") -> int:
    """Make a course with one student, by a script; return its number."""
    words = [f"--shortname={name}", "--size=XS", "--bypasscheck", "--quiet"]
    list(php.run(tenant, GENERATOR, words))
    change(tenant, "UPDATE {course} SET idnumber = shortname WHERE category <> 0")
    if category:
        where = "(SELECT id FROM {course_categories} WHERE idnumber = %s)"
        move = "UPDATE {course} SET category = " + where + " WHERE shortname = %s"
        change(tenant, move, category, name)
    return read(tenant, "SELECT id FROM {course} WHERE shortname = %s", name)[0][0]


def test_categories_are_created_and_hidden_with_what_is_below(pair: Pair, told: Told):
    _one, two = pair
    tree = "SELECT name, depth, visible FROM {course_categories}"
    shown = "SELECT visible FROM {course} WHERE category <> 0 ORDER BY id"

    assert told("courses/CreateCategory", "path=A/B&idnumber=b") == [DONE, DONE]
    there = "it is there, and as it shall be"
    assert told("courses/CreateCategory", "path=A/B&idnumber=b") == [there] * 2
    assert told("courses/CreateCategory", "path=A&idnumber=a") == [DONE, DONE]
    for name in ("open", "hidden"):
        make_course(two, name, "b")
    change(two, "UPDATE {course} SET visible = 0, visibleold = 0 WHERE id = 3")

    hide = "courses/SetCategoryVisibility", "idnumber=a&visible=0"
    assert told(*hide) == [DONE, DONE]
    assert told(*hide) == [SO, SO]
    assert read(two, shown) == [(0,), (0,)]
    assert read(two, f"{tree} ORDER BY sortorder") == [
        ("Category 1", 1, 1),
        ("A", 1, 0),
        ("B", 2, 0),
    ]
    assert told("courses/SetCategoryVisibility", "idnumber=a") == [DONE, DONE]
    assert read(two, shown) == [(1,), (0,)]
    assert read(two, f"{tree} WHERE name = 'B'") == [("B", 2, 1)]


def test_a_course_is_found_hidden_and_deleted(pair: Pair, told: Told, finished: RunOf):
    for tenant in pair:
        make_course(tenant, "maths")
        make_course(tenant, "art")
    found = finished("courses/CheckCourse", pair, "shortname=m%25").jobs.all()
    rows = [["maths", "Test course: XS", "maths"]]
    assert [job.result["rows"] for job in found] == [rows] * 2
    kept = "SELECT shortname, visible FROM {course} WHERE category <> 0 ORDER BY id"
    people = "SELECT COUNT(*) FROM {user_enrolments}"

    hide = "courses/SetCourseVisibility", "idnumber=maths&visible=0"
    assert told(*hide) == [DONE, DONE]
    assert told(*hide) == [SO, SO]
    assert read(pair[1], kept) == [("maths", 0), ("art", 1)]
    assert read(pair[1], people) == [(2,)]

    delete = "courses/DeleteCourse", f"shortname=maths&{NOW}"
    assert told(*delete) == [DONE, DONE]
    assert told(*delete) == ["no course has shortname = 'maths'"] * 2
    assert read(pair[1], kept) == [("art", 1)]
    assert read(pair[1], people) == [(1,)]
    places = "SELECT COUNT(*) FROM {context} WHERE contextlevel = 50"
    assert read(pair[1], places) == [(1,)]


def test_a_category_is_emptied_and_deleted(pair: Pair, told: Told):
    told("courses/CreateCategory", "path=A/B&idnumber=b")
    told("courses/CreateCategory", "path=A&idnumber=a")
    for tenant in pair:
        make_course(tenant, "maths", "b")
        make_course(tenant, "art", "a")
    empty = "courses/EmptyCourseCategory", f"idnumber=a&{NOW}"
    delete = "courses/DeleteCourseCategory", f"idnumber=a&{NOW}"
    categories = "SELECT name FROM {course_categories} ORDER BY id"
    courses = "SELECT shortname FROM {course} WHERE category <> 0"

    assert told(*empty) == [DONE, DONE]
    assert told(*empty) == ["there is nothing in 'A'"] * 2
    assert read(pair[1], categories) == [("Category 1",), ("A",)]
    assert read(pair[1], courses) == []

    assert told(*delete) == [DONE, DONE]
    assert read(pair[1], categories) == [("Category 1",)]
    assert read(pair[1], "SELECT COUNT(*) FROM {context} WHERE contextlevel = 40") == [
        (1,)
    ]


def test_courses_are_removed_by_numbers(pair: Pair, told: Told):
    told("courses/CreateCategory", "path=A&idnumber=a")
    for tenant in pair:
        kept, _gone = (make_course(tenant, name, "a") for name in ("maths", "art"))
    [(category,)] = read(pair[1], "SELECT id FROM {course_categories} WHERE name = 'A'")
    left = "SELECT shortname FROM {course} WHERE category <> 0"
    remove = f"categories={category}&ignorecourses={kept}"

    assert told("system/RemoveCourses", f"{remove}&dryrun=1") == [DONE, DONE]
    assert len(read(pair[1], left)) == 2
    assert told("system/RemoveCourses", remove) == [DONE, DONE]
    assert read(pair[1], left) == [("maths",)]
    assert told("system/RemoveCourses", f"categories={category}") == [DONE, DONE]
    assert read(pair[1], left) == []
    gone = f"there is no category {category}"
    assert told("system/RemoveCourses", f"category={category}") == [gone, gone]
