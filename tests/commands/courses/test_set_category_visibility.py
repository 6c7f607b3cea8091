"""What it asks of Moodle; tests/moodle/test_courses.py proves it on a real one."""

import pytest

from commands.courses.set_category_visibility import SetCategoryVisibility


@pytest.mark.parametrize(("given", "visible"), [("", 1), ("&visible=0", 0)])
def test_it_shows_unless_it_hides(given, visible):
    form = SetCategoryVisibility.from_attributes(f"idnumber=x{given}")

    assert form.is_valid(), form.errors
    assert form.payload(None) == {"idnumber": "x", "visible": visible}


@pytest.mark.parametrize("attributes", ["", "idnumber=x&visible=2", "idnumber=%00"])
def test_what_makes_no_sense_is_refused(attributes):
    assert not SetCategoryVisibility.from_attributes(attributes).is_valid()
