"""What it asks of Moodle; tests/moodle/test_system.py proves it on a real one."""

import pytest

from commands.system.delete_users import DeleteUsers
from tests.commands.conftest import Manage, assert_refused
from tests.commands.system.conftest import complaints


def bound(attributes: str) -> DeleteUsers:
    form = DeleteUsers.from_attributes(attributes)
    assert form.is_valid(), form.errors
    return form


def test_rules_are_taken_apart():
    form = bound("action=delete&rules=equals:auth:ldap|isset:idnumber|matchs:city:^a:b")

    assert form.payload(None) == {
        "action": "delete",
        "rules": [
            {"type": "equals", "field": "auth", "value": "ldap"},
            {"type": "isset", "field": "idnumber", "value": ""},
            {"type": "matches", "field": "city", "value": "^a:b"},
        ],
        "ignoreusers": [],
        "hours": None,
        "run": False,
        "until": 0,
    }


@pytest.mark.parametrize(
    "rules",
    ["", "auth", "equals:auth", "equals:auth:", "like:a:b", "hasrole:course:x", "|"],
)
def test_what_is_no_rule_is_refused(rules: str):
    [complaint] = complaints(DeleteUsers, f"action=suspend&rules={rules}")

    assert complaint.startswith("rules: ")


def test_only_a_real_run_is_dangerous():
    assert not bound("action=delete&rules=isset:city").is_dangerous()
    assert bound("action=delete&rules=isset:city&run=1").is_dangerous()


@pytest.mark.parametrize("name", ["delete_users", "bulkdeleteusers"])
def test_the_shell_checks_the_rules(manage: Manage, bare, workers, name: str):
    host = [f"--host={bare.wwwroot}"] if name == "delete_users" else []

    said = manage(name, *host, "-a", "delete", "-R", "everybody")

    assert_refused(said, "'everybody' is no rule: type:field:value is")
