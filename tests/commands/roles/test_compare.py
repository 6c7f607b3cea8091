import pytest
from django.utils import translation

from commands.roles.compare import Compare
from tests.commands.tables import change

pytestmark = pytest.mark.django_db


def matrix(tenants, role="teacher", **how):
    form = Compare({"role": role})
    assert form.is_valid(), form.errors
    return form.matrix(tenants, **how)


def test_every_capability_has_a_row_and_a_word(sites):
    found = matrix(sites(2), everything=True)

    assert {row.name: found.said(row.cells[1]) for row in found.rows} == {
        "mod/quiz:grade": "not set",
        "mod/quiz:preview": "allow",
        "moodle/site:config": "not set",
    }
    assert found.rows[1].cells[0].note == "mod_quiz, module level"


def test_the_details_of_a_cell_are_in_the_language_of_each_reader(sites):
    tenants = sites(2)

    def note():
        return matrix(tenants, everything=True).rows[1].cells[0].note

    assert note() == "mod_quiz, module level"
    with translation.override("fr"):
        assert note() == "mod_quiz, niveau module"
    assert note() == "mod_quiz, module level"


def test_other_contexts_and_other_roles_do_not_count(sites):
    tenants = sites(2)
    insert = (
        "INSERT INTO {role_capabilities} (contextid, roleid, capability, permission)"
    )
    change(tenants[1], f"{insert} VALUES (2, 1, 'mod/quiz:grade', 1)")
    change(tenants[1], f"{insert} VALUES (1, 2, 'mod/quiz:preview', 1)")

    assert matrix(tenants).rows == []


def test_what_differs_is_found(sites):
    tenants = sites(3)
    change(
        tenants[1], "UPDATE {role_capabilities} SET permission = -1 WHERE roleid = 1"
    )
    change(tenants[2], "DELETE FROM {capabilities} WHERE name = 'moodle/site:config'")

    found = matrix(tenants)

    assert {row.name: [found.said(c) for c in row.cells] for row in found.rows} == {
        "mod/quiz:preview": ["allow", "prevent", "allow"],
        "moodle/site:config": ["not set", "not set", "no such capability"],
    }


def test_a_site_without_the_role_is_told_in_its_column(sites):
    tenants = sites(2)
    change(tenants[1], "DELETE FROM {role} WHERE shortname = 'teacher'")

    assert matrix(tenants).sites[1].problem == (
        "there is no role 'teacher' on this site: create the role first"
    )


@pytest.mark.parametrize("role", ["", "x" * 101, "a\x00"])
def test_a_role_that_can_be_none_is_refused(rows, role):
    rows(1, is_main=True)

    assert set(Compare({"role": role}).errors) == {"role"}


@pytest.mark.parametrize("role", ["' OR '1'='1", "; DROP TABLE role", "%", "é\n"])
def test_a_hostile_role_is_just_one_that_is_not_there(sites, role):
    from commands.base import CommandFailed

    with pytest.raises(CommandFailed, match="there is no role"):
        matrix(sites(1), role)
