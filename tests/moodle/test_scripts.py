"""Any script and any command on real Moodles, as an operator types them."""

import json

import pytest

from tests.moodle.conftest import INSTALLED
from tests.moodle.fleet import Fleet, url

pytestmark = [pytest.mark.moodle, pytest.mark.slow]
CFG = "admin/cli/cfg.php"
NORTH, SOUTH = map(url, INSTALLED)


def test_a_script_of_moodle_gets_its_words_as_they_are(fleet: Fleet):
    value = 'it\'s "a"\n-- é & b'
    setting = "--name=vmoodle_shell"
    fleet.manage("moodle", f"--host={NORTH}", CFG, setting, f"--set={value}")

    said = fleet.manage("moodle", f"--host={NORTH}", CFG, setting)
    other = fleet.manage("moodle", f"--host={SOUTH}", CFG, setting, code=3)

    assert said.endswith(f"{value}\n")  # old code warns of PHP 8.2 before it
    assert f"{SOUTH}: {CFG} ended with exit code 3: " in other
    where = "SELECT hex(value) FROM mdl_config WHERE name = 'vmoodle_shell'"
    assert fleet.sql(where, "moodle_north") == value.encode().hex().upper()
    fleet.manage("moodle", f"--host={NORTH}", CFG, setting, "--unset")
    assert fleet.config("north", "vmoodle_shell") == ""


def test_a_plugin_s_script_runs(fleet: Fleet):
    said = fleet.manage("moodle", f"--host={NORTH}", "enrol/manual/cli/sync.php", "-v")

    assert "...manual enrolment updates finished." in said
    assert "notification" in said  # before six in the morning they are put off


@pytest.mark.usefixtures("workers")
def test_a_script_runs_on_many(fleet: Fleet):
    words = ["--tohostsmatch=north*,south*", "--yes", "--json"]
    said = fleet.manage(
        "bulkmoodle", *words, "--", CFG, "--name=vmoodle_bulk", "--set=1"
    )

    report = json.loads(said)
    found = [(job["wwwroot"], job["state"]) for job in report["tenants"]]
    assert found == [(NORTH, "succeeded"), (SOUTH, "succeeded")]
    for name in INSTALLED:
        assert fleet.config(name, "vmoodle_bulk") == "1"


@pytest.mark.usefixtures("workers")
def test_any_command_runs_by_its_name(fleet: Fleet):
    words = ["--command=generic/set_config", "--attributes=key=vmoodle_run&value=a%26b"]
    targets = fleet.manage("run_command", "-c", "showtargets", "-m", "?outh.*")

    planned = fleet.manage("run_command", *words, "-m", "?outh.*", "--dry-run")
    said = fleet.manage("run_command", *words, "-m", "?outh.*", "--json")

    assert targets == f"{SOUTH}\n"
    assert f"  value=a&b\nqueued    {SOUTH}\n" in planned
    assert json.loads(said)["counts"]["succeeded"] == 1
    assert fleet.config("south", "vmoodle_run") == "a&b"
    assert fleet.config("north", "vmoodle_run") == ""
