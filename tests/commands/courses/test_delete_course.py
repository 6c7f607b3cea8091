"""What it asks of Moodle; tests/moodle/test_courses.py proves it on a real one."""

import pytest

from commands.courses.delete_course import DeleteCourse
from commands.models import Run


def bound(attributes: str) -> DeleteCourse:
    form = DeleteCourse.from_attributes(attributes)
    assert form.is_valid(), form.errors
    return form


@pytest.mark.parametrize(
    ("attributes", "payload"),
    [
        ("shortname=A&idnumber=B&fullname=C", ("shortname", "A", False)),
        ("idnumber=B&fullname=C", ("idnumber", "B", False)),
        ("fullname=C%25", ("fullname", "C%", True)),
    ],
)
def test_the_first_criterion_decides(attributes, payload):
    asked = bound(attributes).payload(None)

    assert tuple(asked.values()) == payload


@pytest.mark.parametrize("pattern", ["%", "%%", "_%", "% %"])
def test_a_pattern_that_fits_every_course_is_refused(pattern):
    form = DeleteCourse({"fullname": pattern, "delay": 0, "spread": 0})

    assert not form.is_valid()
    assert "fits every course" in form.errors["fullname"][0]


def test_it_is_dangerous_and_waits_an_hour():
    assert DeleteCourse.dangerous
    assert 3600 <= bound("shortname=A").hold().total_seconds() <= 7200


@pytest.mark.parametrize(
    ("attributes", "error"),
    [
        ("shortname=MATH-7", ""),
        ("shortname=MATH%25", "no course has shortname = 'MATH%'"),
        ("shortname=front", "no course has shortname = 'front'"),
        ("idnumber=M7", "no course has idnumber = 'M7'"),
        ("fullname=Math%25", ""),
        ("fullname=Music%25", "no course has fullname like 'Music%'"),
    ],
)
def test_a_site_without_such_a_course_fails_at_once(run_of, school, attributes, error):
    run: Run = run_of("courses/DeleteCourse", [school], attributes)

    job = run.jobs.get()
    assert job.state == ("failed" if error else "queued")
    assert job.error == error


def test_a_site_that_cannot_be_read_is_left_to_its_job(run_of, add_tenant):
    bare = add_tenant("bare", install=False)

    run = run_of("courses/DeleteCourse", [bare], "shortname=x")

    assert run.jobs.get().state == "queued"
