"""What it asks of Moodle; tests/moodle/test_courses.py proves it on a real one."""

import pytest

from commands.courses.empty_course_category import EmptyCourseCategory


def test_it_names_the_category_and_what_becomes_of_it():
    form = EmptyCourseCategory.from_attributes("idnumber=cat")

    assert form.is_valid(), form.errors
    assert form.payload(None) == {"idnumber": "cat", "keep": True}
    assert EmptyCourseCategory.dangerous
    assert form.hold().total_seconds() >= 3600


@pytest.mark.parametrize("number", ["", "x" * 101, "a\x00b"])
def test_an_id_number_that_no_category_has_is_refused(number):
    assert "idnumber" in EmptyCourseCategory({"idnumber": number}).errors


@pytest.mark.parametrize(
    ("number", "error"),
    [("cat", ""), ("CAT", "no category has the ID number 'CAT'")],
)
def test_a_site_without_the_category_fails_at_once(run_of, school, number, error):
    run = run_of("courses/EmptyCourseCategory", [school], f"idnumber={number}")

    assert run.jobs.get().error == error
