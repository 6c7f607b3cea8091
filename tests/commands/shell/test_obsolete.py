import pytest

from tests.commands.conftest import Manage

GONE = {
    "upgrade_assignments": "Gone since Moodle 3.5",
    "bulkupgradeassignments": "Gone since Moodle 3.5",
    "fix_vmoodle_rpcs": "run_command",
    "bulkfixvmoodlerpcs": "run_command",
    "auto_create_vconfig": "generateconfigs",
    "fixture_launcher": "bulkmoodle",
    "fixture_worker": "bulkmoodle",
    "bulkfixturelauncher": "bulkmoodle",
}


@pytest.mark.parametrize("name", GONE)
def test_a_script_that_is_gone_says_what_to_use(manage: Manage, name: str):
    said = manage(name, "--host=https://one.example.org", "-v", "--workers=2", "x")

    assert said.code == 2
    assert said.out == ""
    assert said.err.startswith("CommandError: Gone since ")
    assert GONE[name] in said.err
    assert said.err.count("\n") == 1


def test_its_help_is_printed_whatever_else_is_asked(manage: Manage):
    said = manage("fixture_launcher", "--fixture=x", "--help")

    assert said.code == 0
    assert "Gone since every bulk command has workers" in said.out
