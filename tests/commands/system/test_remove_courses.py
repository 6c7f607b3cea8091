"""What it asks of Moodle; tests/moodle/test_system.py proves it on a real one."""

import time

import pytest

from commands.system.remove_courses import RemoveCourses
from tests.commands.conftest import Manage, assert_refused
from tests.commands.system.conftest import complaints


def bound(attributes: str) -> RemoveCourses:
    form = RemoveCourses.from_attributes(attributes)
    assert form.is_valid(), form.errors
    return form


def test_lists_are_numbers_and_the_time_ends():
    payload = bound("categories=3, 4,&ignorecourses=9&hours=2").payload(None)

    assert payload["until"] == pytest.approx(time.time() + 7200, abs=60)
    assert (payload["categories"], payload["ignorecourses"]) == ([3, 4], [9])
    assert payload["category"] is payload["courseid"] is None


@pytest.mark.parametrize(
    "attributes",
    [
        "",
        "category=1&courseid=2",
        "categories=1,x",
        "category=1&hours=25",
        "courseid=1",
    ],
)
def test_what_makes_no_sense_is_refused(attributes: str):
    assert complaints(RemoveCourses, attributes)


def test_only_a_dry_run_is_harmless():
    assert bound("category=3").is_dangerous()
    assert not bound("category=3&dryrun=1").is_dangerous()


@pytest.mark.parametrize("name", ["remove_courses", "bulkremovecourses"])
def test_the_shell_checks_the_choice(manage: Manage, bare, workers, name: str):
    host = [f"--host={bare.wwwroot}"] if name == "remove_courses" else []

    said = manage(name, *host, "-C", "3", "-c", "4")

    assert_refused(said, "Give one of category, categories, courseid")
