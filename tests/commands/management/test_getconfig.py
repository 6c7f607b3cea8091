import csv
import json

import pytest

from tenants import moodledb
from tenants.models import Tenant
from tests.commands.conftest import Manage, assert_refused


@pytest.fixture
def three(add_tenant) -> list[Tenant]:
    """Return a tenant with a setting, one without it, and one without a site."""
    made = [
        add_tenant("one"),
        add_tenant("two", "4.3"),
        add_tenant("empty", install=False),
    ]
    for source, columns, values in (
        ("config", "name, value", "('smtppass', 'open'), ('motto', 'a\nb')"),
        ("config_plugins", "plugin, name, value", "('mod_quiz', 'motto', '=1+1')"),
    ):
        moodledb.execute(
            made[0].server,
            f"INSERT INTO {moodledb.table(made[0], source)} ({columns})"
            f" VALUES {values}",
        )
    return made


SITES = "--tohosts=https://one.example.org,https://two.example.org"


@pytest.mark.parametrize(
    ("options", "values"),
    [
        (["--name=motto"], ["a\\nb", "(not set)"]),
        (["--name=motto", "--plugin=mod_quiz"], ["=1+1", "(not set)"]),
        (["--name=smtppass"], ["(secret)", "(not set)"]),
        (["--name=SMTPpass"], ["(secret)", "(not set)"]),
        (["--name=version"], ["2023042400", "2023100900"]),
        (["--name=x' OR '1'='1"], ["(not set)", "(not set)"]),
    ],
    ids=["core", "plugin", "secret", "secret in capitals", "both", "hostile"],
)
def test_a_setting_of_each_tenant_is_printed(manage: Manage, three, options, values):
    said = manage("getconfig", *options, SITES)

    assert (said.code, said.err) == (0, "")
    one, two = values
    assert (
        said.out == f"https://one.example.org\t{one}\nhttps://two.example.org\t{two}\n"
    )


def test_it_is_printed_as_csv(manage: Manage, three):
    said = manage("getconfig", "--name=motto", "--plugin=mod_quiz", "--csv", SITES)

    assert list(csv.reader(said.out.splitlines())) == [
        ["tenant", "value"],
        ["https://one.example.org", "'=1+1"],
        ["https://two.example.org", ""],
    ]


def test_a_site_that_cannot_be_read_hides_no_other(manage: Manage, three):
    said = manage("getconfig", "--name=version", "--json")

    found = json.loads(said.out)
    assert said.code == 1
    assert [each["value"] for each in found] == ["2023042400", "2023100900", None]
    assert "doesn't exist" in found[2]["error"]
    assert "https://empty.example.org: database server db1: " in said.err


def test_a_tenant_that_is_not_there_is_refused(manage: Manage, three):
    said = manage("getconfig", "--name=version", "--tohosts=https://no.example.org")

    assert_refused(said, "https://no.example.org")


def test_a_setting_without_a_name_is_refused(manage: Manage, three):
    assert_refused(manage("getconfig", "--name="), "--name is empty")
