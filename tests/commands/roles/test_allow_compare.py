import pytest

from commands.roles.allow_compare import AllowCompare
from tests.commands.tables import change

pytestmark = pytest.mark.django_db


def matrix(tenants, **given):
    form = AllowCompare({"table": "assign", **given})
    assert form.is_valid(), form.errors
    found = form.matrix(tenants)
    return {
        row.name: [found.said(cell) for cell in row.cells] for row in found.rows
    }, found


def test_pairs_are_told_by_short_names(sites):
    tenants = sites(2)
    change(tenants[1], "UPDATE {role} SET id = id + 70")
    change(tenants[1], "UPDATE {role_allow_assign} SET roleid = 71, allowassign = 72")

    assert matrix(tenants)[0] == {}


def test_what_differs_is_found(sites):
    tenants = sites(3)
    change(tenants[1], "DELETE FROM {role_allow_assign}")
    change(tenants[2], "INSERT INTO {role} VALUES (3, '', 'helper', '', '')")

    found, _matrix = matrix(tenants)

    assert found["teacher>student"] == ["allowed", "not allowed", "allowed"]
    assert found["helper>helper"] == ["no such role", "no such role", "not allowed"]
    assert "student>teacher" not in found


def test_one_role_alone(sites):
    tenants = sites(3)
    change(tenants[1], "DELETE FROM {role_allow_assign}")
    change(tenants[2], "DELETE FROM {role} WHERE shortname = 'teacher'")

    found, whole = matrix(tenants, role="teacher")

    assert set(found) == {"teacher>student"}
    assert whole.sites[2].problem.startswith("there is no role 'teacher'")


@pytest.mark.parametrize("table", ["", "nosuch", "assign; DROP", "../x", "x" * 1000])
def test_a_table_is_one_of_four(rows, table):
    rows(1, is_main=True)

    assert set(AllowCompare({"table": table}).errors) == {"table"}
