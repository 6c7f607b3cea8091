"""The system commands that are ours alone, on a real Moodle."""

from collections.abc import Iterator

import pytest

from commands.models import Job, Run
from tenants import moodledb, php
from tenants.models import Tenant
from tests.conftest import RunOf

pytestmark = [pytest.mark.moodle, pytest.mark.slow]
Campus = tuple[Tenant, Tenant]
PASSWORD = "Brand-new-4711"


def ended(run: Run, state: str = "succeeded") -> Job:
    job = run.jobs.get()
    assert job.state == state, (job.error, job.text()[0])
    return job


def rows(tenant: Tenant, table: str, columns: str, where: str, *values) -> list[tuple]:
    name = moodledb.table(tenant, table)
    sql = f"SELECT {columns} FROM {name} WHERE {where} ORDER BY id"
    return moodledb.query(tenant.server, sql, values)


def sql(tenant: Tenant, statement: str, *values) -> None:
    """Change the site's database; `{name}` is a table of it."""
    names = {
        name: moodledb.table(tenant, name)
        for name in ("user", "config", "mnet_host", "course_categories")
    }
    moodledb.execute(tenant.server, statement.format(**names), values)


@pytest.fixture
def admins(campus: Campus) -> Iterator[Tenant]:
    """Return beta, whose administrators are put back in the end."""
    _main, beta = campus
    columns = "id, username, password, deleted, suspended, email, auth"
    before = rows(beta, "user", columns, "username IN ('admin', 'guest')")
    config = moodledb.config_of(beta, ["siteadmins", "siteguest"])
    yield beta
    ours = "(username LIKE 'vm-%%' OR username = 'admin') AND id NOT IN (%s, %s)"
    sql(beta, f"DELETE FROM {{user}} WHERE {ours}", *(row[0] for row in before))
    for pk, name, password, deleted, suspended, email, auth in before:
        sql(
            beta,
            "UPDATE {user} SET username = %s, password = %s, deleted = %s, "
            "suspended = %s, email = %s, auth = %s WHERE id = %s",
            *(name, password, deleted, suspended, email, auth, pk),
        )
    for name, value in config.items():
        sql(beta, "UPDATE {config} SET value = %s WHERE name = %s", value, name)


def add_user(tenant: Tenant, name: str) -> int:
    host = moodledb.config_of(tenant, ["mnet_localhost_id"])["mnet_localhost_id"]
    sql(
        tenant,
        "INSERT INTO {user} (username, mnethostid, auth, confirmed, password, email, "
        "firstname, lastname) VALUES (%s, %s, 'manual', 1, 'x', %s, 'A', 'B')",
        *(name, host, f"{name}@example.org"),
    )
    return rows(tenant, "user", "id", "username = %s", name)[0][0]


def reset(finished: RunOf, tenant: Tenant, more: str = "", password=PASSWORD) -> Run:
    return finished("system/ResetAdmin", [tenant], more, secrets=f"password={password}")


def test_admin_is_let_in_with_a_new_password(admins: Tenant, finished: RunOf):
    other = add_user(admins, "vm-other")
    sql(admins, "UPDATE {config} SET value = %s WHERE name = 'siteadmins'", str(other))
    sql(admins, "UPDATE {user} SET suspended = 1 WHERE username = 'admin'")
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
    sql(admins, "UPDATE {user} SET username = 'vm-away' WHERE username = 'admin'")

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
    sql(admins, "UPDATE {config} SET value = %s WHERE name = 'siteadmins'", str(own[2]))
    sql(admins, "UPDATE {config} SET value = '999' WHERE name = 'siteguest'")
    sql(admins, "UPDATE {user} SET deleted = 1 WHERE username = 'admin'")
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
def known(campus: Campus) -> Iterator[Campus]:
    """Return both tenants, of which alpha knows beta as an MNet peer."""
    alpha, beta = campus
    insert = "INSERT INTO {mnet_host} (wwwroot, name, public_key) VALUES (%s, 'b', '')"
    sql(alpha, insert, beta.wwwroot)
    texts = "UPDATE {course_categories} SET description = %s WHERE id = 1"
    sql(beta, texts, f'<a href="{beta.wwwroot}/course">here</a>')
    yield alpha, beta
    sql(alpha, "DELETE FROM {mnet_host} WHERE name = 'b'")
    sql(beta, texts, "")


def test_a_site_is_moved_to_https_with_its_texts(known: Campus, finished: RunOf):
    alpha, beta = known

    run = finished("system/SwitchProtocol", [beta], "protocol=https&content=1")

    ended(run)
    beta.refresh_from_db()
    assert beta.wwwroot == "https://beta.example.org"
    assert rows(alpha, "mnet_host", "wwwroot", "name = 'b'") == [(beta.wwwroot,)]
    [(text,)] = rows(beta, "course_categories", "description", "id = 1")
    assert text == '<a href="https://beta.example.org/course">here</a>'
    # Moodle itself is of the same opinion.
    told = list(php.run(beta, "admin/cli/cfg.php", ["--name=wwwroot"]))
    assert beta.wwwroot in told


def test_a_site_is_moved_to_another_domain(known: Campus, finished: RunOf):
    alpha, beta = known

    ended(finished("system/SwitchDomain", [beta], "domain=example.net"))

    beta.refresh_from_db()
    told = list(php.run(beta, "admin/cli/cfg.php", ["--name=wwwroot"]))
    assert "http://beta.example.net" in told
    peers = rows(alpha, "mnet_host", "wwwroot", "name = 'b'")
    assert peers == [("http://beta.example.net",)]
