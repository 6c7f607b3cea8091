import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from tests.commands.conftest import Manage

PAGES = ("/tenants/tenant/", "/commands/run/", "/tenants/snapshot/", "/tenants/tag/")


@pytest.fixture
def member(manage: Manage):
    """Return a function that makes an account of a group: it, and its browser."""
    manage("make_groups")

    def make(group: str) -> tuple[User, Client]:
        user = User.objects.create_user(group, is_staff=True)
        user.groups.add(Group.objects.get(name=group))
        client = Client()
        client.force_login(user)
        return user, client

    return make


def test_each_group_may_do_its_part(member):
    viewer, page = member("Viewers")
    operator, _page = member("Operators")
    administrator, form = member("Administrators")

    assert [page.get(path).status_code for path in PAGES] == [200] * len(PAGES)
    assert page.get("/tenants/tenant/add/").status_code == 403
    assert not viewer.has_perm("commands.operate")
    assert operator.has_perms(["commands.operate", "commands.add_savedcommand"])
    assert not operator.has_perm("commands.dangerous")
    assert not operator.has_perm("tenants.change_tenant")
    assert administrator.has_perms(["commands.dangerous", "tenants.change_tenant"])
    assert not administrator.has_perm("auth.add_user")
    assert form.get("/tenants/tenant/add/").status_code == 200


def test_a_group_that_exists_stays_as_it_is(manage: Manage, db):
    mine = Group.objects.create(name="Operators")

    said = manage("make_groups")

    assert said.out.splitlines() == [
        "Viewers: made",
        "Operators: left as it is",
        "Administrators: made",
    ]
    assert not mine.permissions.exists()
