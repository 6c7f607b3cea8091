import pytest

from commands.generic.compare_settings import CompareSettings
from tests.commands.tables import change

pytestmark = pytest.mark.django_db
CORE = "INSERT INTO {config} (name, value) VALUES (%s, %s)"
PLUGIN = "INSERT INTO {config_plugins} (plugin, name, value) VALUES (%s, %s, %s)"


def compared(tenants, settings, **how):
    form = CompareSettings({"settings": settings})
    assert form.is_valid(), form.errors
    matrix = form.matrix(tenants, **how)
    return {row.name: [matrix.said(cell) for cell in row.cells] for row in matrix.rows}


def test_core_and_plugins_are_compared_by_name_and_pattern(sites):
    tenants = sites(2)
    change(tenants[1], "UPDATE {config_plugins} SET value = '90' WHERE plugin = 'quiz'")
    change(tenants[1], "UPDATE {config} SET value = 'email' WHERE name = 'auth'")
    change(tenants[1], PLUGIN, ["quiz", "timeopen", ""])

    assert compared(tenants, "auth quiz/time*") == {
        "auth": ["email,ldap", "email"],
        "quiz/timelimit": ["60", "90"],
        "quiz/timeopen": ["not set", "(empty)"],
    }
    assert list(compared(tenants, "quiz/timelimit")) == ["quiz/timelimit"]


def test_a_plugin_with_an_underscore_in_its_name_is_found(sites):
    tenants = sites(2)
    for tenant, minutes in zip(tenants, ("5", "9"), strict=True):
        change(tenant, PLUGIN, ["auth_ldap", "sync_minutes", minutes])
        change(tenant, PLUGIN, ["authxldap", "sync_minutes", minutes])

    found = compared(tenants, "auth_ldap/sync_*")

    assert found == {"auth_ldap/sync_minutes": ["5", "9"]}


def test_a_secret_is_compared_and_never_shown(sites):
    tenants = sites(3)
    for tenant, password in zip(tenants, ("old", "new", ""), strict=True):
        change(tenant, CORE, ["smtppass", password])

    found = compared(tenants, "smtppass")

    assert found == {"smtppass": ["set (secret)", "set (secret)", "(empty)"]}


def test_long_values_are_compared_to_their_end(sites):
    tenants = sites(2)
    for tenant, end in zip(tenants, "ab", strict=True):
        change(tenant, CORE, ["additionalhtmlhead", "x" * 10_000 + end])

    [cells] = compared(tenants, "additionalhtmlhead").values()

    assert all(cell == "x" * 500 + " …" for cell in cells)


def test_what_the_registry_forces_counts(sites):
    tenants = sites(2)
    tenants[1].forced_settings = {"auth": "cas", "smtppass": "s3cret"}
    tenants[1].save()

    found = compared(tenants, "auth smtppass")

    assert found["auth"] == ["email,ldap", "forced: cas"]
    assert "s3cret" not in str(found)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ("", "required"),
        ("a;b", "names no setting"),
        ("quiz/'", "names no setting"),
        ("../x", "names no setting"),
        ("%", "names no setting"),
        ("a\x00", "Null characters"),
        (" ".join(["a"] * 101), "at most 100"),
        ("x" * 20_001, "at most 20000 characters"),
    ],
)
def test_what_names_no_setting_is_refused(rows, names, said):
    rows(1, is_main=True)

    assert said in CompareSettings({"settings": names}).errors["settings"][0]


def test_wildcards_of_sql_are_plain_characters(sites):
    tenants = sites(2)
    change(tenants[1], CORE, ["a_b", "1"])
    change(tenants[1], CORE, ["axb", "1"])

    assert list(compared(tenants, "a_b")) == ["a_b"]
