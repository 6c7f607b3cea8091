"""Administrators and users by the system commands, on a real Moodle."""

from collections.abc import Iterator

import pytest

from commands import tasks
from commands.models import Run
from tenants import moodledb
from tenants.models import Tenant
from tests.conftest import RunOf
from tests.moodle.site import Campus, add_user, ended, rows, sql

pytestmark = [pytest.mark.moodle, pytest.mark.slow]
PASSWORD = "Brand-new-4711"
SITE_ADMINS = "UPDATE mdl_config SET value = %s WHERE name = 'siteadmins'"


@pytest.fixture
def admins(campus: Campus) -> Iterator[Tenant]:
    """Return beta, whose administrators are put back in the end."""
    _main, beta = campus
    columns = "id, username, password, deleted, suspended, email, auth"
    before = rows(beta, "user", columns, "username IN ('admin', 'guest')")
    config = moodledb.config_of(beta, ["siteadmins", "siteguest"])
    yield beta
    ours = "(username LIKE 'vm-%%' OR username = 'admin') AND id NOT IN (%s, %s)"
    sql(beta, f"DELETE FROM mdl_user WHERE {ours}", *(row[0] for row in before))
    for pk, name, password, deleted, suspended, email, auth in before:
        sql(
            beta,
            "UPDATE mdl_user SET username = %s, password = %s, deleted = %s, "
            "suspended = %s, email = %s, auth = %s WHERE id = %s",
            *(name, password, deleted, suspended, email, auth, pk),
        )
    for name, value in config.items():
        sql(beta, "UPDATE mdl_config SET value = %s WHERE name = %s", value, name)


def reset(finished: RunOf, tenant: Tenant, more: str = "", password=PASSWORD) -> Run:
    return finished("system/ResetAdmin", [tenant], more, secrets=f"password={password}")


def test_admin_is_let_in_with_a_new_password(admins: Tenant, finished: RunOf):
    other = add_user(admins, "vm-other")
    sql(admins, SITE_ADMINS, str(other))
    sql(admins, "UPDATE mdl_user SET suspended = 1 WHERE username = 'admin'")
    [(pk, old)] = rows(admins, "user", "id, password", "username = 'admin'")

    job = ended(reset(finished, admins, "email=new@example.org"))

    assert job.result == {"id": pk, "account": "updated", "admins": [other, pk]}
    [(new, suspended, email)] = rows(
        admins, "user", "password, suspended, email", "username = 'admin'"
    )
    assert (new != old, suspended, email) == (True, 0, "new@example.org")
    config = moodledb.config_of(admins, ["siteadmins"])
    assert config == {"siteadmins": f"{other},{pk}"}


def test_a_weak_password_changes_nothing(admins: Tenant, finished: RunOf):
    before = rows(admins, "user", "password, suspended", "username = 'admin'")

    job = ended(reset(finished, admins, password="weak"), "failed")

    assert job.error.startswith("the password is too weak: ")
    assert rows(admins, "user", "password, suspended", "username = 'admin'") == before


def test_an_admin_that_is_gone_is_made(admins: Tenant, finished: RunOf):
    sql(admins, "UPDATE mdl_user SET username = 'vm-away' WHERE username = 'admin'")

    without = ended(reset(finished, admins), "failed")
    made = ended(reset(finished, admins, "email=a@example.org&lastname=Boss"))

    assert "give the e-mail address" in without.error
    assert made.result["account"] == "created"
    columns = "firstname, lastname, confirmed, auth"
    new = rows(admins, "user", columns, "id = %s", made.result["id"])
    assert new == [("Local", "Boss", 1, "manual")]
    assert len(made.result["admins"]) == 2


def test_administrators_are_added_and_never_lost(admins: Tenant, finished: RunOf):
    [(admin,)] = rows(admins, "user", "id", "username = 'admin'")
    own = [add_user(admins, name) for name in ("vm-a1", "vm-a2", "vm-b")]
    sql(
        admins,
        SITE_ADMINS,
        str(own[2]),
    )
    sql(admins, "UPDATE mdl_config SET value = '999' WHERE name = 'siteguest'")
    sql(admins, "UPDATE mdl_user SET deleted = 1 WHERE username = 'admin'")
    wanted = "userscheme=vm-a%25&fixguest=1"

    job = ended(finished("system/FixSiteAdmins", [admins], wanted))
    again = ended(finished("system/FixSiteAdmins", [admins], wanted), "skipped")

    assert job.result["added"] == ["admin", "vm-a1", "vm-a2"]
    assert again.error == "it is so already"
    config = moodledb.config_of(admins, ["siteadmins", "siteguest"])
    assert config["siteadmins"] == f"{own[2]},{admin},{own[0]},{own[1]}"
    assert config["siteguest"] != "999"
    assert rows(admins, "user", "deleted", "username = 'admin'") == [(0,)]


def test_a_main_tenant_that_mnet_does_not_know_is_told(admins: Tenant, finished: RunOf):
    run = finished("system/FixSiteAdmins", [admins], "withmnetadmins=1")

    error = ended(run, "failed").error
    assert error == "the site knows no MNet peer http://alpha.example.org"


@pytest.fixture
def users(admins: Tenant) -> Tenant:
    """Return beta with three users, of whom one is an administrator."""
    made = [add_user(admins, name) for name in ("vm-u1", "vm-u2", "vm-boss")]
    sql(admins, "UPDATE mdl_user SET city = 'Vm City' WHERE username LIKE 'vm-%%'")
    stored = f"2,{made[2]}"
    sql(admins, SITE_ADMINS, stored)
    ended(purged(admins))
    return admins


def purged(tenant: Tenant) -> Run:
    """Purge caches, since the site's settings were changed behind its back."""
    run = Run.objects.create(
        command="generic/PurgeCaches", targets=[tenant.pk], actor="tester"
    )
    run.start()
    tasks.lane(run.pk)
    return run


def test_users_are_suspended_and_deleted_by_rules(users: Tenant, finished: RunOf):
    rules = "rules=equals:city:Vm City|matches:username:^vm-u|nothasrole:site:*"

    dry = ended(finished("system/DeleteUsers", [users], f"action=delete&{rules}"))
    suspended = ended(
        finished("system/DeleteUsers", [users], f"action=suspend&run=1&{rules}")
    )
    left = rows(users, "user", "id", "username = 'vm-u2'")[0][0]
    deleted = ended(
        finished(
            "system/DeleteUsers",
            [users],
            f"action=delete&run=1&ignoreusers={left}&rules=equals:city:Vm City",
        )
    )

    assert dry.result == {"users": 2, "done": 0}
    assert "would delete" in dry.text()[0]
    assert suspended.result == {"users": 2, "done": 2}
    assert deleted.result == {"users": 1, "done": 1}
    found = rows(users, "user", "username, suspended, deleted", "city = 'Vm City'")
    assert ("vm-u2", 1, 0) in found
    assert ("vm-boss", 0, 0) in found
    assert [row for row in found if row[2]] != []
    sql(users, "DELETE FROM mdl_user WHERE city = 'Vm City'")


@pytest.mark.parametrize(
    ("rules", "sentence"),
    [
        ("equals:nonsense:1", "users have no field 'nonsense'"),
        ("equals:password:x", "users have no field 'password'"),
        ("matches:city:(", "'(' is no regular expression"),
        ("hasrole:site:nobody", "there is no role 'nobody'"),
        ("equals:city:Nowhere at all", "no user fits the rules"),
    ],
)
def test_rules_that_make_no_sense_touch_nobody(
    campus: Campus, finished: RunOf, rules, sentence
):
    _main, beta = campus

    job = finished(
        "system/DeleteUsers", [beta], f"action=delete&run=1&rules={rules}"
    ).jobs.get()

    assert (job.state in {"failed", "skipped"}, job.error) == (True, sentence)
