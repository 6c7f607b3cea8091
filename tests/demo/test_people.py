"""People of the sandbox: administrators, users by rules, and their grades."""

import pytest

from tenants import moodledb
from tests.demo.site import DONE, Pair, Told, change, read
from tests.demo.test_courses import make_course

pytestmark = pytest.mark.django_db
ADMIN = (
    "SELECT username, deleted, suspended, email, password LIKE '$2y$%%' FROM {user}"
    " WHERE id = 2"
)


def test_admin_is_let_in_again_or_made(pair: Pair, told: Told):
    one, two = pair
    change(
        one, "UPDATE {user} SET deleted = 1, suspended = 1, password = '' WHERE id=2"
    )
    change(two, "UPDATE {user} SET username = 'boss' WHERE id = 2")
    lists = "SELECT value FROM {config} WHERE name = 'siteadmins'"

    weak = told("system/ResetAdmin", "email=a@example.org", "password=weak")
    assert all(said.startswith("the password is too weak: ") for said in weak)
    given = "email=a@example.org&lastname=Boss", "password=Very-secret-1"
    assert told("system/ResetAdmin", *given) == [DONE, DONE]

    assert read(one, ADMIN) == [("admin", 0, 0, "a@example.org", 1)]
    made = "SELECT username, lastname, password LIKE '$2y$%%' FROM {user} WHERE id = 3"
    assert read(two, made) == [("admin", "Boss", 1)]
    assert [read(tenant, lists) for tenant in pair] == [[("2",)], [("2,3",)]]


def test_users_are_suspended_and_deleted_by_rules(pair: Pair, told: Told):
    _one, two = pair
    for tenant in pair:
        change(
            tenant,
            "INSERT INTO {user} (username, city) VALUES ('u-1', 'X'), ('u-2', 'X'),"
            " ('u-3', 'X')",
        )
        change(tenant, "INSERT INTO {user_info_field} (shortname) VALUES ('house')")
        change(tenant, "INSERT INTO {user_info_data} VALUES (NULL, 4, 1, 'red')")
        change(tenant, "INSERT INTO {role_assignments} VALUES (NULL, 1, 1, 5, 0, 0)")
    state = "SELECT id, suspended, deleted FROM {user} WHERE id > 2 ORDER BY id"
    rules = "rules=equals:city:X|nothasrole:site:*"

    suspend = f"action=suspend&{rules}|notisset:profile_field_house&run=1"
    assert told("system/DeleteUsers", suspend) == [DONE, DONE]
    assert read(two, state) == [(3, 1, 0), (4, 0, 0), (5, 0, 0)]
    delete = f"action=delete&{rules}&ignoreusers=3"
    assert told("system/DeleteUsers", delete) == [DONE, DONE]
    assert read(two, state) == [(3, 1, 0), (4, 0, 0), (5, 0, 0)]
    assert told("system/DeleteUsers", f"{delete}&run=1") == [DONE, DONE]
    assert read(two, state) == [(3, 1, 0), (4, 0, 1), (5, 0, 0)]
    assert read(two, "SELECT id FROM {user} WHERE username = 'u-2'") == []
    assert read(two, "SELECT id FROM {user_info_data}") == []


def test_grades_are_recovered_from_the_history(pair: Pair, told: Told):
    for tenant in pair:
        course = make_course(tenant, "maths")
        student = "(SELECT id FROM {user} WHERE username = 'tool_generator_000001')"
        change(tenant, "INSERT INTO {grade_items} (courseid) VALUES (%s)", course)
        for grade in (41, 42):
            change(
                tenant,
                "INSERT INTO {grade_grades_history} (itemid, userid, finalgrade,"
                f" timemodified) VALUES (1, {student}, %s, 7)",
                grade,
            )
    none = "no enrolled user has lost a grade that the history knows"

    assert told("system/RecoverGrades", f"courseid={course}") == [DONE, DONE]
    assert told("system/RecoverGrades", "") == [none, none]

    grades = "SELECT itemid, userid, finalgrade, timemodified FROM {grade_grades}"
    assert read(pair[1], grades) == [(1, 3, 42, 7)]


def test_a_registration_is_forgotten(pair: Pair, told: Told):
    names = ["siteidentifier"]
    for tenant in pair:
        change(tenant, "INSERT INTO {registration_hubs} (confirmed) VALUES (1)")
    before = [moodledb.config_of(tenant, names) for tenant in pair]

    assert told("system/Register", "reset_hub_infos=1") == [DONE, DONE]

    after = [moodledb.config_of(tenant, names) for tenant in pair]
    assert all(old != new for old, new in zip(before, after, strict=True))
    assert read(pair[1], "SELECT COUNT(*) FROM {registration_hubs}") == [(0,)]
