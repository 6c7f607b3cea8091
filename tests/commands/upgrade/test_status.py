import time
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from django.db import OperationalError, connection
from django.utils import timezone

from commands.upgrade.status import Status, refresh_releases, statuses
from tenants import moodledb
from tenants.models import DatabaseServer, Release, Tenant
from tenants.php import PhpError
from tests.commands.upgrade.conftest import kill_an_upgrade, set_config
from tests.conftest import AddTenant


def selects(server: DatabaseServer) -> int:
    [(_name, number)] = moodledb.query(server, "SHOW SESSION STATUS LIKE 'Com_select'")
    return int(number)


def make_current(tenant: Tenant, releases: dict[str, Release]) -> None:
    pass


def make_pending(tenant: Tenant, releases: dict[str, Release]) -> None:
    tenant.release = releases["4.3"]


def make_partial(tenant: Tenant, releases: dict[str, Release]) -> None:
    kill_an_upgrade(tenant, releases["4.3"])
    set_config(tenant, "upgraderunning", int(time.time()) - 1)


def make_running(tenant: Tenant, releases: dict[str, Release]) -> None:
    kill_an_upgrade(tenant, releases["4.3"])


def make_newer(tenant: Tenant, releases: dict[str, Release]) -> None:
    set_config(tenant, "version", "2024042200")
    set_config(tenant, "allversionshash", "another")


def make_plugins_pending(tenant: Tenant, releases: dict[str, Release]) -> None:
    set_config(tenant, "allversionshash", "another")


def make_empty(tenant: Tenant, releases: dict[str, Release]) -> None:
    moodledb.forget_config(tenant, "version")


def make_unknown(tenant: Tenant, releases: dict[str, Release]) -> None:
    moodledb.execute(tenant.server, f"DROP TABLE {moodledb.table(tenant, 'config')}")


@pytest.mark.parametrize(
    ("make", "status"),
    [
        (make_current, Status.CURRENT),
        (make_pending, Status.PENDING),
        (make_partial, Status.PARTIAL),
        (make_plugins_pending, Status.PARTIAL),
        (make_running, Status.RUNNING),
        (make_newer, Status.NEWER),
        (make_empty, Status.EMPTY),
        (make_unknown, Status.UNKNOWN),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_the_database_tells_where_a_site_stands(
    tenant: Tenant, releases: dict[str, Release], make, status: Status
):
    make(tenant, releases)

    assert statuses([tenant])[tenant.pk].status == status


@pytest.mark.parametrize("version", ["2023042400.00", "2023042400", "2023042400.000"])
def test_versions_are_compared_as_numbers(tenant: Tenant, version: str):
    set_config(tenant, "version", version)
    set_config(tenant, "allversionshash", "another")

    assert statuses([tenant])[tenant.pk].status == Status.PARTIAL


def test_a_version_that_is_no_number_is_older_than_any(tenant: Tenant):
    set_config(tenant, "version", "nonsense")
    set_config(tenant, "allversionshash", "another")

    assert statuses([tenant])[tenant.pk].status == Status.PENDING


def test_many_sites_are_asked_in_one_statement(add_tenant: AddTenant):
    tenants = [add_tenant(f"s{number}", install=False) for number in range(20)]
    for tenant in tenants:
        table = moodledb.table(tenant, "config")
        moodledb.execute(
            tenant.server,
            f"CREATE TABLE {table} (name varchar(255) PRIMARY KEY, value longtext)",
        )
        set_config(tenant, "version", "2023042400")
    before = selects(tenants[0].server)

    found = statuses(tenants)

    assert {site.status for site in found.values()} == {Status.PARTIAL}
    assert selects(tenants[0].server) == before + 1


def test_a_site_that_cannot_be_read_does_not_hide_the_others(
    tenant: Tenant, add_tenant: AddTenant
):
    broken = add_tenant("broken", install=False)

    found = statuses([broken, tenant])

    assert found[broken.pk].status == Status.UNKNOWN
    assert "doesn't exist" in found[broken.pk].problem
    assert found[tenant.pk].status == Status.CURRENT


def test_what_was_seen_is_noted(tenant: Tenant):
    statuses([tenant])

    tenant.refresh_from_db()
    assert tenant.seen_version == "2023042400"
    assert tenant.seen_hash == tenant.release.versions_hash
    assert tenant.seen_at is not None


def test_what_was_seen_by_who_asked_later_stays(tenant: Tenant, monkeypatch):
    ask = moodledb.config

    def ask_slowly(*asked) -> dict:
        found = ask(*asked)
        Tenant.objects.update(seen_at=timezone.now(), seen_version="2030010100")
        return found

    monkeypatch.setattr(moodledb, "config", ask_slowly)

    statuses([tenant])

    assert Tenant.objects.get().seen_version == "2030010100"


def test_a_registry_that_does_not_answer_is_no_reason_to_fail(tenant: Tenant):
    def refuse(execute, sql, params, many, context):
        raise OperationalError(2006, "Server has gone away")

    with connection.execute_wrapper(refuse):
        found = statuses([tenant])

    assert found[tenant.pk].status == Status.CURRENT


def test_code_that_was_updated_is_read_anew(tenant: Tenant):
    former = tenant.release.versions_hash
    version = Path(tenant.release.path, "version.php")
    version.write_text(version.read_text().replace("2023042400.00", "2023042401.00"))

    refresh_releases([tenant])

    assert tenant.release.version == "2023042401.00"
    assert tenant.release.versions_hash != former
    assert Release.objects.get(name="4.2").version == "2023042401.00"


def test_a_tree_that_is_gone_is_told(tenant: Tenant):
    Path(tenant.release.path, "version.php").unlink()

    with pytest.raises(ValidationError, match="there is no such version.php"):
        refresh_releases([tenant])


def test_a_tree_whose_php_does_not_run_is_told(tenant: Tenant):
    tenant.release.php = "/usr/bin/php-that-is-not-there"

    with pytest.raises(
        PhpError, match="php-that-is-not-there cannot read the versions"
    ):
        refresh_releases([tenant])
