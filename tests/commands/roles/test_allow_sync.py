import pytest

from tests.commands.tables import change

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("table", ["assign", "override", "switch", "view"])
def test_pairs_are_added_and_taken_away(sites, finished, asked, table):
    first, second = sites(2)
    for tenant in (first, second):
        change(tenant, f"DELETE FROM {{role_allow_{table}}}")
    insert = f"INSERT INTO {{role_allow_{table}}} VALUES"
    change(first, f"{insert} (1, 1, 2), (2, 1, 1)")
    change(second, f"{insert} (1, 1, 2), (2, 2, 2)")

    finished("roles/Role_Allow_Sync", [second], f"table={table}")

    pairs = [["student", "student", False], ["teacher", "teacher", True]]
    assert asked["payloads"] == [
        ("t1", "sync_role_allows", {"table": table, "pairs": pairs})
    ]


def test_a_role_that_is_missing_on_either_side_stays(sites, finished, asked):
    first, second = sites(2)
    change(first, "INSERT INTO {role} VALUES (3, '', 'helper', '', '')")
    change(first, "INSERT INTO {role_allow_assign} VALUES (5, 3, 1)")

    run = finished("roles/AllowSync", [second], "table=assign")

    assert asked["payloads"] == []
    assert "helper>teacher: no such role here" in run.jobs.get().error


def test_one_role_is_copied_alone(sites, finished, asked):
    first, second = sites(2)
    change(first, "INSERT INTO {role_allow_assign} VALUES (5, 2, 2)")
    change(second, "DELETE FROM {role_allow_assign}")

    finished("roles/AllowSync", [second], "table=assign&role=student")

    assert asked["payloads"][0][2]["pairs"] == [["student", "student", True]]
