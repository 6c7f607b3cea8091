"""The stand-in behaves as Moodle's own scripts do, where VMoodle looks."""

import time
from pathlib import Path

import pytest

from demo.sandbox.build import build
from tenants import files, moodledb, php
from tenants.models import Release, Tenant
from tests.conftest import INSTALL, AddTenant

pytestmark = pytest.mark.django_db
UPGRADE, MAINTENANCE = "admin/cli/upgrade.php", "admin/cli/maintenance.php"
INSTALLER, CFG = "admin/cli/install_database.php", "admin/cli/cfg.php"
CRON, TASK = "admin/cli/cron.php", "admin/cli/scheduled_task.php"
CODES = range(256)


def lines(tenant: Tenant, script: str, *options: str, accept=(0,)) -> list[str]:
    found = php.run(tenant, script, options, accept=accept)
    return [line for line in found if line]


def exit_code(tenant: Tenant, script: str, *options: str) -> int:
    steps = php.run(tenant, script, options, accept=CODES)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def config(tenant: Tenant) -> dict[str, str]:
    names = ["version", "release", "allversionshash", "upgraderunning"]
    return moodledb.config_of(tenant, names)


@pytest.fixture
def pending(tenant: Tenant, releases: dict[str, Release]) -> Tenant:
    """Return a site of 4.2 whose code is 4.3's."""
    tenant.pin(releases["4.3"])
    return tenant


@pytest.mark.parametrize("version", ["4.2", "4.3"])
def test_a_version_installs_and_fits_its_code(add_tenant: AddTenant, version: str):
    tenant = add_tenant("one", version)

    found = config(tenant)

    assert found["release"].startswith(version)
    assert found["allversionshash"] == tenant.release.versions_hash
    assert "upgraderunning" not in found


def test_a_site_is_not_installed_twice(tenant: Tenant):
    with pytest.raises(php.PhpError, match="Database tables already present"):
        lines(tenant, INSTALLER, *INSTALL)


@pytest.mark.parametrize(
    ("left_out", "said"),
    [("--agree-license", "agree to the license"), ("--adminpass=Test-1234", "--admin")],
)
def test_an_installation_wants_what_moodles_wants(
    add_tenant: AddTenant, left_out: str, said: str
):
    tenant = add_tenant("one", install=False)

    with pytest.raises(php.PhpError, match=said):
        lines(tenant, INSTALLER, *(word for word in INSTALL if word != left_out))


def test_an_upgrade_brings_4_2_to_4_3(pending: Tenant):
    found = lines(pending, UPGRADE, "--non-interactive")

    assert found[-1] == (
        "Command line upgrade from 4.2 (Build: 20230424) (2023042400)"
        " to 4.3 (Build: 20231009) (2023100900) completed successfully."
    )
    assert config(pending) == {
        "version": "2023100900",
        "release": "4.3 (Build: 20231009)",
        "allversionshash": pending.release.versions_hash,
    }


def test_a_site_that_fits_its_code_needs_no_upgrade(tenant: Tenant):
    [said] = lines(tenant, UPGRADE, "--non-interactive")

    assert said.startswith("No upgrade needed for the installed version")


def test_pending_upgrades_are_told_by_exit_codes(
    tenant: Tenant, releases: dict[str, Release]
):
    assert exit_code(tenant, UPGRADE, "--is-pending") == 0

    tenant.pin(releases["4.3"])

    assert exit_code(tenant, UPGRADE, "--is-pending") == 2


def test_a_site_without_tables_is_not_upgraded(add_tenant: AddTenant):
    tenant = add_tenant("one", install=False)

    with pytest.raises(php.PhpError, match="Database is not yet installed") as caught:
        lines(tenant, UPGRADE, "--non-interactive")

    assert caught.value.exit_code == 1


def test_code_older_than_the_site_is_refused(
    add_tenant: AddTenant, releases: dict[str, Release]
):
    tenant = add_tenant("one", "4.3")
    tenant.pin(releases["4.2"])

    with pytest.raises(php.PhpError, match="Downgrading is not supported"):
        lines(tenant, UPGRADE, "--non-interactive")


def test_a_question_without_an_answer_changes_nothing(pending: Tenant):
    before = config(pending)

    assert exit_code(pending, UPGRADE) == 1

    assert config(pending) == before


def test_an_upgrade_that_fails_tells_why_and_stays_unfinished(pending: Tenant):
    lines(pending, CFG, "--name=sandbox_upgrade_fails", "--set=The table is full")

    with pytest.raises(php.PhpError, match="!!! The table is full !!!") as caught:
        lines(pending, UPGRADE, "--non-interactive")

    assert caught.value.exit_code == 1
    found = config(pending)
    assert found["version"] == "2023100900"
    assert found["allversionshash"] != pending.release.versions_hash
    assert int(found["upgraderunning"]) > time.time()


def test_a_killed_upgrade_locks_the_next_one_out(pending: Tenant):
    lines(pending, CFG, "--name=sandbox_upgrade_seconds", "--set=60")
    steps = php.run(pending, UPGRADE, ["--non-interactive"])
    assert any(line and line.startswith("-->auth_") for line in steps)

    steps.close()

    assert int(config(pending)["upgraderunning"]) > time.time()
    with pytest.raises(php.PhpError, match="Site is being upgraded"):
        lines(pending, UPGRADE, "--non-interactive")


def test_an_upgrade_needs_enough_input_variables(pending: Tenant, monkeypatch):
    options = [word.replace("6000", "1000") for word in php.php_options("/tree")]
    monkeypatch.setattr(php, "php_options", lambda *_words: options)

    with pytest.raises(php.PhpError, match="max_input_vars"):
        lines(pending, UPGRADE, "--non-interactive")


@pytest.mark.parametrize("enable", ["--enable", "--enableold"])
def test_maintenance_goes_on_and_off(tenant: Tenant, enable: str):
    assert lines(tenant, MAINTENANCE) == ["Status: disabled"]

    lines(tenant, MAINTENANCE, enable)
    assert lines(tenant, MAINTENANCE) == ["Status: enabled"]

    lines(tenant, MAINTENANCE, "--disable")
    assert lines(tenant, MAINTENANCE) == ["Status: disabled"]
    assert not files.in_maintenance(tenant)


def test_a_purge_empties_the_caches_and_renews_the_counters(tenant: Tenant):
    stale = Path(tenant.data_path, "localcache/theme/1/all.css")
    stale.parent.mkdir(parents=True)
    stale.touch()
    before = moodledb.config_of(tenant, ["themerev"])["themerev"]

    lines(tenant, "admin/cli/purge_caches.php")

    after = moodledb.config_of(tenant, ["themerev"])["themerev"]
    assert int(after) > int(before)
    assert not stale.exists()


def test_a_purge_of_one_cache_leaves_the_others(tenant: Tenant):
    kept = Path(tenant.data_path, "cache/kept")
    kept.touch()

    lines(tenant, "admin/cli/purge_caches.php", "--theme")

    assert kept.exists()


def test_settings_are_read_and_set(tenant: Tenant):
    assert exit_code(tenant, CFG, "--name=missing") == 3

    lines(tenant, CFG, "--component=mod_quiz", "--name=grade", "--set=12")

    assert lines(tenant, CFG, "--component=mod_quiz", "--name=grade") == ["12"]


def test_cron_does_what_is_due_and_tells_when_it_ran(tenant: Tenant):
    past = int(time.time()) - 10
    table = moodledb.table(tenant, "task_scheduled")
    moodledb.execute(tenant.server, f"UPDATE {table} SET nextruntime = {past}")

    first = lines(tenant, CRON)
    second = lines(tenant, CRON)

    assert sum("Scheduled task complete" in line for line in first) == 2
    assert not any("Scheduled task" in line for line in second)
    assert second[-1] == "Cron run completed correctly"
    names = ["lastcronstart", "lastcroninterval"]
    found = moodledb.config([tenant], names, plugin="tool_task")[tenant.pk]
    assert int(found["lastcronstart"]) > past
    assert int(found["lastcroninterval"]) >= 1


def test_a_task_that_fails_comes_later_and_later(tenant: Tenant):
    task = r"\core\task\session_cleanup_task"
    lines(tenant, CFG, "--name=sandbox_task_fails", f"--set={task}")
    table = moodledb.table(tenant, "task_scheduled")
    delays = []

    for _time in range(2):
        said = lines(tenant, TASK, f"--execute={task}")
        assert any(line.startswith("Scheduled task failed: ") for line in said)
        rows = moodledb.query(tenant.server, f"SELECT MAX(faildelay) FROM {table}")
        delays += rows[0]

    assert delays == [60, 120]


@pytest.mark.parametrize(
    ("held", "said"), [("core_cron", 129), (r"\core\task\session_cleanup_task", 130)]
)
def test_a_lock_that_is_held_is_told_by_the_exit_code(
    tenant: Tenant, held: str, said: int
):
    name = f"{tenant.db_name}:{tenant.db_prefix}_cron_{held}"
    moodledb.query(tenant.server, "SELECT GET_LOCK(SHA1(%s), 1)", [name])

    try:
        code = exit_code(tenant, TASK, r"--execute=\core\task\session_cleanup_task")
    finally:
        moodledb.query(tenant.server, "SELECT RELEASE_LOCK(SHA1(%s))", [name])

    assert code == said


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("upgrade", 1),
        ("maintenance", 1),
        ("purge_caches", 2),
        ("cfg", 2),
        ("cron", 1),
        ("scheduled_task", 1),
        ("reset_password", 1),
    ],
)
def test_an_unknown_option_is_refused(tenant: Tenant, script: str, code: int):
    with pytest.raises(php.PhpError, match="Unrecognised options: / -y") as caught:
        lines(tenant, f"admin/cli/{script}.php", "-y")

    assert caught.value.exit_code == code


def test_a_tree_is_built_in_a_new_directory_only(tmp_path: Path):
    build("4.2", tmp_path / "tree")

    with pytest.raises(SystemExit, match="is not empty"):
        build("4.2", tmp_path / "tree")
    with pytest.raises(SystemExit, match=r"choose one of 4\.2, 4\.3"):
        build("5.1", tmp_path / "other")
