import pytest

from commands.roles.capability_sync import CapabilitySync
from tests.commands.tables import change

pytestmark = pytest.mark.django_db


def test_one_capability_is_copied_alone(sites, finished, asked):
    first, second = sites(2)
    change(first, "UPDATE {role_capabilities} SET permission = -1 WHERE roleid = 1")
    insert = (
        "INSERT INTO {role_capabilities} (contextid, roleid, capability, permission)"
    )
    change(first, f"{insert} VALUES (1, 1, 'mod/quiz:grade', 1)")

    finished(
        "roles/Role_Capability_Sync", [second], "role=teacher&capability=mod/quiz:grade"
    )

    assert asked["payloads"][0][2]["permissions"] == {"mod/quiz:grade": 1}


def test_a_capability_the_site_has_not_fails(sites, finished, asked):
    run = finished(
        "roles/CapabilitySync", sites(2)[1:], "role=teacher&capability=mod/quiz:nosuch"
    )

    assert run.jobs.get().state == "failed"
    assert asked["payloads"] == []


@pytest.mark.parametrize(
    "capability", ["", "quiz", "mod/quiz", "mod/quiz:a b", "mod/quiz:x'", "a/b:c\x00"]
)
def test_what_is_no_capability_is_refused(rows, capability):
    rows(1, is_main=True)

    form = CapabilitySync({"role": "teacher", "capability": capability})

    assert set(form.errors) == {"capability"}


def test_it_has_no_parameters_of_many_cells():
    assert set(CapabilitySync.base_fields) == {"source", "role", "capability"}
