import pytest

from commands.base import CommandFailed
from tests.commands.tables import change

pytestmark = pytest.mark.django_db
PREVENT = "UPDATE {role_capabilities} SET permission = -1 WHERE roleid = 1"
NO_ROLE = "DELETE FROM {role} WHERE shortname = 'teacher'"


def test_only_what_differs_is_asked_for(sites, finished, asked):
    first, second = sites(2)
    change(first, PREVENT)

    finished("roles/Role_Sync", [second], "role=teacher")

    permissions = {"mod/quiz:preview": -1}
    assert asked["payloads"] == [
        (
            "t1",
            "sync_role",
            {"role": "teacher", "made": None, "permissions": permissions},
        )
    ]


def test_what_the_source_has_not_set_is_unset(sites, finished, asked):
    first, second = sites(2)
    change(first, "DELETE FROM {role_capabilities}")

    finished("roles/Sync", [second], "role=teacher")

    assert asked["payloads"][0][2]["permissions"] == {"mod/quiz:preview": 0}


def test_a_missing_role_fails_before_php_is_started(sites, finished, asked):
    first, second = sites(2)
    change(second, NO_ROLE)

    run = finished("roles/Sync", [second], "role=teacher")

    assert run.jobs.get().error == (
        "there is no role 'teacher' on this site: create the role first"
    )
    assert asked["payloads"] == []


def test_a_missing_role_is_made_of_what_the_source_has(sites, finished, asked):
    first, second = sites(2)
    change(second, NO_ROLE)

    finished("roles/Sync", [second], "role=teacher&create=1")

    assert asked["payloads"][0][2] == {
        "role": "teacher",
        "permissions": {"mod/quiz:preview": 1},
        "made": {
            "name": "",
            "description": "",
            "archetype": "teacher",
            "contextlevels": [50],
        },
    }


@pytest.mark.parametrize("create", ["", "&create=1"])
def test_a_role_that_the_source_has_not_fails_the_run(sites, run_of, create):
    first, second = sites(2)
    change(first, NO_ROLE)

    with pytest.raises(
        CommandFailed, match="t0.example.org: there is no role 'teacher'"
    ):
        run_of("roles/Sync", [second], f"role=teacher{create}")
