"""What it asks of Moodle; tests/moodle/test_system.py proves it on a real one."""

import pytest

from commands.models import Run
from commands.system.reset_admin import ResetAdmin
from tests.commands.conftest import Manage, assert_refused
from tests.commands.system.conftest import complaints


def test_the_password_is_no_attribute():
    form = ResetAdmin.from_attributes("password=Secret-1&email=a@example.org")

    assert form.is_valid()
    assert form.attributes() == "email=a%40example.org"
    assert form.payload(None) == {
        "password": "Secret-1",
        "firstname": "",
        "lastname": "",
        "email": "a@example.org",
    }


@pytest.mark.parametrize(
    ("attributes", "field"),
    [
        ("", "password"),
        ("password=x&email=nobody", "email"),
        ("password=a%00", "password"),
    ],
)
def test_bad_parameters_are_refused(attributes: str, field: str):
    assert complaints(ResetAdmin, attributes)[0].startswith(field)


@pytest.mark.parametrize("name", ["reset_admin", "bulkresetadmin"])
def test_the_shell_wants_a_password(manage: Manage, rows, workers, name: str):
    [tenant] = rows(1)
    host = [f"--host={tenant.wwwroot}"] if name == "reset_admin" else []

    said = manage(name, *host, "--password-file=/nowhere")

    assert_refused(said, "--password-file /nowhere cannot be read")
    assert not Run.objects.exists()
