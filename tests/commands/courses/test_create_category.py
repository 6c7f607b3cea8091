"""What it asks of Moodle; tests/moodle/test_courses.py proves it on a real one."""

import pytest

from commands.courses.create_category import CreateCategory


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("One", ["One"]),
        ("/One/ Two /", ["One", "Two"]),
        ("a'b/<b>/..", ["a'b", "<b>", ".."]),
    ],
)
def test_a_path_is_names(path, names):
    form = CreateCategory({"path": path, "visible": "0"})

    assert form.is_valid(), form.errors
    assert form.payload(None) == {"path": names, "idnumber": "", "visible": 0}


@pytest.mark.parametrize("path", ["", " ", "/", "a//b", "x" * 256, "a/\x00"])
def test_a_path_that_names_nothing_is_refused(path):
    form = CreateCategory({"path": path, "visible": "1"})

    assert set(form.errors) == {"path"}


@pytest.mark.parametrize(("attributes", "visible"), [("", 1), ("&visible=0", 0)])
def test_it_is_visible_unless_told_otherwise(attributes, visible):
    form = CreateCategory.from_attributes(f"path=x{attributes}")

    assert form.is_valid(), form.errors
    assert form.cleaned_data["visible"] == visible
    again = CreateCategory.from_attributes(form.attributes())
    assert again.is_valid()
    assert again.cleaned_data == form.cleaned_data
