"""Moodle's own scripts and tasks on a real Moodle: what they prove and hide."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from commands.models import Job, Run
from tenants import moodledb, php
from tenants.models import Tenant
from tests.conftest import RunOf
from tests.moodle.site import Campus, sql

pytestmark = [pytest.mark.moodle, pytest.mark.slow]
THEMES = r"classname LIKE '%%build\_installed\_themes\_task'"
TAGS = r"\core\task\tag_cron_task"


def found(tenant: Tenant, statement: str, *values: object) -> moodledb.Rows:
    statement = statement.replace("mdl_", f"`{tenant.db_name}`.mdl_")
    return moodledb.query(tenant.server, statement, values)


def cfg(tenant: Tenant, *options: str) -> None:
    list(php.run(tenant, "admin/cli/cfg.php", options))


def jobs(run: Run, state: str = Job.State.SUCCEEDED) -> Sequence[Job]:
    """Return the run's jobs, all of which must have ended like this."""
    ended = list(run.jobs.order_by("pk"))
    assert [job.state for job in ended] == [state] * len(ended), [
        (job.error, job.text()[0][-800:]) for job in ended
    ]
    return ended


@contextmanager
def failing_tags(tenant: Tenant) -> Iterator[None]:
    """Let the task that reckons correlated tags fail: its table is away."""
    sql(tenant, "RENAME TABLE mdl_tag_correlation TO mdl_away")
    try:
        yield
    finally:
        sql(tenant, "RENAME TABLE mdl_away TO mdl_tag_correlation")


@pytest.fixture(scope="module")
def course() -> str:
    return "vmoodle_test"


@pytest.fixture
def classrooms(campus: Campus, course: str) -> Campus:
    """Return both with a small course, and users whose password is forced."""
    words = [f"--shortname={course}", "--size=XS", "--bypasscheck", "--fixeddataset"]
    for tenant in campus:
        tenant.forced_settings = {"tool_generator_users_password": "Tests-1234"}
        tenant.save()
        if not found(tenant, "SELECT id FROM mdl_course WHERE shortname = %s", course):
            list(php.run(tenant, "admin/tool/generator/cli/maketestcourse.php", words))
    return campus


def test_cron_runs_what_is_due_and_tells_what_failed(campus: Campus, finished: RunOf):
    before = int(time.time())
    beta = campus[1]
    # One site is enough to compile all style sheets, of which this task makes most.
    sql(beta, f"DELETE FROM mdl_task_adhoc WHERE {THEMES}")

    jobs(finished("system/Cron", campus))

    for tenant in campus:
        started = moodledb.config([tenant], ["lastcronstart"], plugin="tool_task")
        assert int(started[tenant.pk]["lastcronstart"]) >= before
        assert found(tenant, f"SELECT id FROM mdl_task_adhoc WHERE {THEMES}") == []
    due = "UPDATE mdl_task_scheduled SET nextruntime = 1 WHERE classname = %s"
    sql(beta, due, TAGS)
    with failing_tags(beta):
        [job] = jobs(finished("system/Cron", [beta]), Job.State.FAILED)
    assert job.error.startswith("1 tasks failed, the first of them: Background")


def test_a_task_is_run_and_its_failure_is_told(campus: Campus, finished: RunOf):
    for job in jobs(finished("system/ScheduleTask", campus, f"execute={TAGS}")):
        assert job.result == {"task": TAGS}

    beta = campus[1]
    with failing_tags(beta):
        run = finished("system/ScheduleTask", [beta], f"execute={TAGS}")
        [job] = jobs(run, Job.State.FAILED)
    assert job.exit_code is None, "the script's own exit code tells of nothing"
    assert job.error.startswith(f"the task {TAGS} failed: ")


def test_a_task_is_switched_off_and_on(campus: Campus, finished: RunOf):
    asked = "SELECT disabled FROM mdl_task_scheduled WHERE classname = %s"

    jobs(finished("system/ScheduleTask", campus, f"disable={TAGS}"))
    assert [found(tenant, asked, TAGS) for tenant in campus] == [[(1,)], [(1,)]]

    jobs(finished("system/ScheduleTask", campus, f"enable={TAGS}"))
    assert [found(tenant, asked, TAGS) for tenant in campus] == [[(0,)], [(0,)]]


def test_automated_backups_are_queued_where_they_are_on(
    classrooms: Campus, finished: RunOf
):
    alpha, beta = classrooms
    words = ["--component=backup", "--name=backup_auto_active"]
    cfg(beta, *words, "--set=2")
    first = finished("system/AutomatedBackups", classrooms)
    cfg(alpha, *words, "--set=2")
    second = finished("system/AutomatedBackups", [alpha])
    for tenant in classrooms:
        sql(tenant, "UPDATE mdl_backup_courses SET nextstarttime = 1")

    run = finished("system/AutomatedBackups", classrooms)

    assert first.jobs.get(tenant=alpha).state == Job.State.SKIPPED
    for tenant, before in ((alpha, second), (beta, first)):
        cfg(tenant, *words, "--set=0")
        results = [each.jobs.get(tenant=tenant).result for each in (before, run)]
        number = results[0]["courses"]["not yet run"]
        assert number > 0
        assert results[1] == {"courses": {"queued": number}}
        kind = r"classname LIKE '%%course\_backup\_task'"
        queued = found(tenant, f"SELECT COUNT(*) FROM mdl_task_adhoc WHERE {kind}")
        assert queued == [(number,)]
        sql(tenant, f"DELETE FROM mdl_task_adhoc WHERE {kind}")
        sql(tenant, "DELETE FROM mdl_backup_courses")


def test_a_course_is_backed_up(
    classrooms: Campus, finished: RunOf, course: str, tmp_path: Path
):
    name = f"courseshortname={course}"
    where = f"destination={tmp_path}/{{shortname}}"

    outside = jobs(finished("system/Backup", classrooms, f"{name}&{where}"))
    [inside] = jobs(finished("system/Backup", classrooms[1:], name))

    for tenant, job in zip(classrooms, outside, strict=True):
        [file] = (tmp_path / tenant.shortname).iterdir()
        size = file.stat().st_size
        assert job.result == {"file": str(file), "bytes": size}
        assert file.suffix == ".mbz"
        assert size > 1000
    assert inside.result["file"].endswith(".mbz")
    assert inside.result["bytes"] > 1000


def test_a_backup_that_is_none_is_a_failure(campus: Campus, finished: RunOf):
    run = finished("system/Backup", campus, "courseid=99999")

    for job in jobs(run, Job.State.FAILED):
        assert "admin/cli/backup.php ended with exit code 1" in job.error


def test_a_test_plan_is_made(classrooms: Campus, finished: RunOf, course: str):
    attributes = f"shortname={course}&size=XS&bypasscheck=1"

    made = jobs(finished("system/MakeTestPlan", classrooms, attributes))

    for tenant, job in zip(classrooms, made, strict=True):
        assert job.result["plan"].startswith(f"{tenant.wwwroot}/pluginfile.php/")
        assert ".csv" in job.result["users"]


def test_style_sheets_are_compiled(campus: Campus, finished: RunOf):
    attributes = "themes=classic&direction=ltr"

    for job in jobs(finished("system/BuildThemeCss", campus, attributes)):
        assert job.result == {"themes": ["classic"]}
    for tenant in campus:
        sheets = Path(tenant.data_path, "localcache/theme").rglob("classic/css/*.css")
        assert list(sheets)
    run = finished("system/BuildThemeCss", campus[1:], "themes=none")
    [job] = jobs(run, Job.State.FAILED)
    assert "Unable to find theme config for none" in job.error


def test_texts_are_imported(campus: Campus, finished: RunOf, tmp_path: Path):
    (tmp_path / "quiz.php").write_text("<?php $string['pluginname'] = 'Examen';\n")
    run = finished("system/CustomlangImport", campus, f"lang=en&source={tmp_path}")
    jobs(run, Job.State.FAILED)

    attributes = f"lang=en&source={tmp_path}&checkin=1"
    jobs(finished("system/CustomlangImport", campus, attributes))

    for tenant in campus:
        pack = Path(tenant.data_path, "lang/en_local/quiz.php")
        assert "Examen" in pack.read_text()
        pack.unlink()
        for table in ("tool_customlang", "tool_customlang_components"):
            sql(tenant, f"DELETE FROM mdl_{table}")  # noqa: S608


@pytest.mark.parametrize(
    ("command", "setting", "value"),
    [
        ("system/LdapSyncUsers", "auth", "ldap"),
        ("system/LdapEnrolSync", "enrol_plugins_enabled", "manual,ldap"),
    ],
)
def test_ldap_that_is_not_reached_fails_and_none_is_skipped(
    campus: Campus, finished: RunOf, command: str, setting: str, value: str
):
    alpha, beta = campus
    before = moodledb.config_of(beta, [setting])[setting]
    cfg(beta, f"--name={setting}", f"--set={value}")
    try:
        run = finished(command, campus)
    finally:
        cfg(beta, f"--name={setting}", f"--set={before}")

    assert run.jobs.get(tenant=alpha).state == Job.State.SKIPPED
    job = run.jobs.get(tenant=beta)
    assert job.state == Job.State.FAILED, job.text()[0]
    assert "LDAP" in job.error


def test_a_collation_is_brought_everywhere(campus: Campus, finished: RunOf):
    for job in jobs(finished("system/MysqlCollation", campus, "list=1")):
        assert "Table collations summary" in job.text()[0]
    column = "MODIFY name varchar(255) COLLATE utf8mb4_general_ci NOT NULL DEFAULT ''"
    for tenant in campus:
        sql(tenant, f"ALTER TABLE mdl_role {column}")

    attributes = "collation=utf8mb4_unicode_ci"

    for job in jobs(finished("system/MysqlCollation", campus, attributes)):
        assert job.result["summary"].startswith("Converted: 1, ")


def test_rows_are_compressed(campus: Campus, finished: RunOf):
    for tenant in campus:
        sql(tenant, "ALTER TABLE mdl_bigbluebuttonbn ROW_FORMAT=COMPACT")
    for job in jobs(finished("system/MysqlCompressedRows", campus, "list=1")):
        assert job.result == {"exit_code": 1, "tables": ["mdl_bigbluebuttonbn"]}

    for job in jobs(finished("system/MysqlCompressedRows", campus, "fix=1")):
        assert job.result == {"fixed": ["bigbluebuttonbn"]}

    for job in jobs(finished("system/MysqlCompressedRows", campus, "list=1")):
        assert job.result["tables"] == []
    run = finished("system/MysqlCompressedRows", campus, "fix=1")
    for job in jobs(run, Job.State.SKIPPED):
        assert job.error == "no table needs it"


def identifiers(campus: Campus) -> list[str]:
    name = "siteidentifier"
    return [moodledb.config_of(tenant, [name])[name] for tenant in campus]


def test_a_registration_is_updated_or_forgotten(campus: Campus, finished: RunOf):
    for job in jobs(finished("system/Register", campus), Job.State.FAILED):
        assert job.error.startswith("the site is not registered")
    before = identifiers(campus)
    for tenant in campus:
        sql(
            tenant,
            "INSERT INTO mdl_registration_hubs (token, hubname, huburl, confirmed,"
            " secret, timemodified)"
            " VALUES ('t', 'moodle', 'https://stats.moodle.org', 1, 's', 1)",
        )

    # Nothing answers there, or not to this token.
    jobs(finished("system/Register", campus, "protected=1"), Job.State.FAILED)
    run = finished("system/Register", campus, "reset_hub_infos=1")

    for job in jobs(run):
        assert job.result == {"registrations": 1}
    after = identifiers(campus)
    assert len({*after}) == 2, "the sites, of which one is a copy, are still the same"
    assert not {*after} & {*before}
    jobs(finished("system/ScheduleTask", campus, f"execute={TAGS}"))


def test_a_text_is_replaced(campus: Campus, finished: RunOf):
    for tenant in campus:
        sql(tenant, "UPDATE mdl_course SET summary = 'vmoodle-old' WHERE id = 1")

    jobs(finished("system/Replace", campus, "search=vmoodle-old&replace=vmoodle-new"))

    asked = "SELECT summary FROM mdl_course WHERE id = 1"
    assert [found(tenant, asked) for tenant in campus] == [[("vmoodle-new",)]] * 2


def test_a_password_is_reset(campus: Campus, run_of: RunOf, finished: RunOf):
    asked = "SELECT password FROM mdl_user WHERE username = 'admin'"
    before = [found(tenant, asked) for tenant in campus]

    attributes, secrets = "username=admin", "password=N%C3%A4u-1234+x"
    done = jobs(finished("system/ResetPassword", campus, attributes, secrets=secrets))
    after = [found(tenant, asked) for tenant in campus]
    weak = finished("system/ResetPassword", campus, attributes, secrets="password=x")

    assert all(a != b for a, b in zip(before, after, strict=True))
    assert all("1234" not in job.text()[0] for job in done)
    for job in jobs(weak, Job.State.FAILED):
        assert "ended with exit code 1" in job.error
    assert [found(tenant, asked) for tenant in campus] == after


def test_plugins_whose_code_is_gone_are_purged(campus: Campus, finished: RunOf):
    beta = campus[1]
    columns = "(plugin, name, value) VALUES ('local_ghost', 'version', '2020010100')"
    for tenant in campus:
        sql(tenant, f"INSERT INTO mdl_config_plugins {columns}")
        list(php.run(tenant, "admin/cli/purge_caches.php", ["--muc"]))
    [dry] = jobs(finished("system/UninstallPlugins", [beta], "purge_missing=1"))
    assert "Will be uninstalled: local_ghost" in dry.text()[0]

    purged = jobs(finished("system/UninstallPlugins", campus, "purge_missing=1&run=1"))

    for tenant, job in zip(campus, purged, strict=True):
        assert job.result == {"uninstalled": ["local_ghost"]}
        stored = moodledb.config_of(tenant, ["allversionshash"])["allversionshash"]
        assert stored == tenant.release.versions_hash
    run = finished("system/UninstallPlugins", campus, "plugins=mod_none&run=1")
    for job in jobs(run, Job.State.FAILED):
        assert job.error == "Unknown plugin: mod_none"


def test_language_packs_that_are_out_of_reach_are_told(campus: Campus, finished: RunOf):
    for tenant in campus:  # a proxy that is not there: no test downloads anything
        tenant.forced_settings = {"proxyhost": "127.0.0.1", "proxyport": 9}
        tenant.save()

    for job in jobs(finished("system/UpdateLangpacks", campus), Job.State.FAILED):
        assert "Cannot download list of language updates" in job.error
    for tenant in campus:
        tenant.forced_settings = {"skiplangupgrade": True}
        tenant.save()
    jobs(finished("system/UpdateLangpacks", campus), Job.State.SKIPPED)


def test_a_tool_that_the_tree_does_not_have_is_told(campus: Campus, finished: RunOf):
    for job in jobs(finished("system/MigrateHvp2H5p", campus), Job.State.FAILED):
        assert job.error.endswith("cli/migrate.php: this release does not ship it")
