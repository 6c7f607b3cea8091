"""What it asks of Moodle; tests/moodle/test_system.py proves it on a real one."""

import pytest

from commands.system.recover_grades import RecoverGrades
from tests.commands.conftest import Manage, assert_refused
from tests.commands.system.conftest import complaints


def test_all_of_all_courses_is_the_default():
    form = RecoverGrades.from_attributes("")

    assert form.is_valid()
    assert form.payload(None) == {"userid": None, "courseid": None}


@pytest.mark.parametrize("attributes", ["courseid=1", "userid=0", "courseid=x"])
def test_what_is_no_number_of_one_is_refused(attributes: str):
    assert len(complaints(RecoverGrades, attributes)) == 1


@pytest.mark.parametrize("name", ["recover_grades", "bulkrecovergrades"])
def test_the_shell_checks_the_numbers(manage: Manage, bare, workers, name: str):
    host = [f"--host={bare.wwwroot}"] if name == "recover_grades" else []

    assert_refused(manage(name, *host, "-c", "1"), "courseid: Ensure this value is")
