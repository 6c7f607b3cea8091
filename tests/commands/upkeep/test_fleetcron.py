import time
from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail
from django.utils import timezone

from commands.models import CronPass, Job, Mail, Run
from commands.upkeep import fleetcron
from tenants import files, moodledb
from tenants.models import DatabaseServer, Release, Tenant
from tests.commands.conftest import Manage, assert_refused, states
from tests.commands.system.conftest import sql
from tests.commands.upgrade.conftest import set_config
from tests.conftest import AddTenant, RunOf

pytestmark = pytest.mark.django_db(transaction=True)
MINUTELY, DAILY = r"\core\task\session_cleanup_task", r"\core\task\file_trash_clean%"
TASK = "UPDATE {task_scheduled} SET nextruntime = %s WHERE classname LIKE %s"


def ago(seconds: float) -> datetime:
    return datetime.fromtimestamp(time.time() - seconds, UTC)


@pytest.fixture
def quiet(tenant: Tenant) -> Tenant:
    """Return a tenant whose last pass, a minute ago, left nothing to do."""
    CronPass.objects.create(tenant=tenant, tried_at=ago(60), completed_at=ago(60))
    for task in (MINUTELY, DAILY):
        sql(tenant, TASK, int(time.time()) + 600, task.replace("\\", "\\\\"))
    return tenant


def make_due(tenant: Tenant, task: str, seconds: int) -> None:
    sql(tenant, TASK, int(time.time()) - seconds, task.replace("\\", "\\\\"))


def somebody_is_about(tenant: Tenant) -> None:
    table = moodledb.table(tenant, "user")
    moodledb.execute(tenant.server, f"UPDATE {table} SET lastaccess = UNIX_TIMESTAMP()")


def due(tenant: Tenant) -> str:
    """Return why the tenant's cron shall run, "" if it need not."""
    wanted, barred = fleetcron.due([Tenant.objects.with_edges().get(pk=tenant.pk)])
    assert barred == {}
    return wanted.get(tenant.pk, "")


def test_nothing_is_due_after_a_pass(quiet: Tenant):
    assert due(quiet) == ""


def test_a_tenant_without_a_pass_has_its_turn(tenant: Tenant):
    assert due(tenant) == "its turn has come"


def test_a_task_that_became_due_since_the_pass_is_work(quiet: Tenant):
    make_due(quiet, DAILY, 30)

    assert due(quiet) == "1 scheduled tasks are due"


def test_a_task_that_the_pass_has_left_is_none(quiet: Tenant):
    make_due(quiet, DAILY, 90)  # of a plugin that is switched off

    assert due(quiet) == ""


def test_a_disabled_task_is_none(quiet: Tenant):
    make_due(quiet, DAILY, 30)
    sql(quiet, "UPDATE {task_scheduled} SET disabled = 1")

    assert due(quiet) == ""


def test_tasks_of_every_minute_wait_until_somebody_is_about(quiet: Tenant):
    make_due(quiet, MINUTELY, 30)
    assert due(quiet) == ""

    somebody_is_about(quiet)

    assert due(quiet) == "somebody is about"


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("timestarted", "NULL", "1 ad-hoc tasks are due"),
        ("timestarted", "1", ""),
        ("nextruntime", "UNIX_TIMESTAMP() + 60", ""),
    ],
    ids=["waiting", "running", "later"],
)
def test_an_ad_hoc_task_is_urgent(quiet: Tenant, column, value, expected: str):
    insert = "INSERT INTO {task_adhoc} (classname, nextruntime) VALUES ('x', 1)"
    sql(quiet, insert)
    sql(quiet, f"UPDATE {{task_adhoc}} SET {column} = {value}")

    assert due(quiet) == expected


@pytest.mark.parametrize(("attempts", "expected"), [("0", ""), ("1", "1 ad-hoc")])
def test_since_4_4_a_task_that_was_given_up_is_none(
    quiet: Tenant, attempts: str, expected: str
):
    Release.objects.update(branch="404")
    sql(quiet, "ALTER TABLE {task_adhoc} ADD attemptsavailable int")
    columns = "(classname, nextruntime, attemptsavailable)"
    sql(quiet, f"INSERT INTO {{task_adhoc}} {columns} VALUES ('x', 1, {attempts})")

    assert due(quiet).startswith(expected)
    assert bool(due(quiet)) is bool(expected)


def test_a_tenant_with_nothing_to_do_has_its_turn_in_the_end(quiet: Tenant):
    CronPass.objects.update(tried_at=ago(901), completed_at=ago(901))

    assert due(quiet) == "its turn has come"


@pytest.mark.parametrize(("tried", "expected"), [(60, ""), (301, "1 scheduled")])
def test_a_pass_that_came_to_no_end_is_tried_again_later(
    quiet: Tenant, tried: int, expected: str
):
    CronPass.objects.update(tried_at=ago(tried), completed_at=ago(400))
    make_due(quiet, DAILY, 30)

    assert due(quiet).startswith(expected)
    assert bool(due(quiet)) is bool(expected)


def disabled(tenant: Tenant) -> None:
    set_config(tenant, "cron_enabled", 0)


def upgrading(tenant: Tenant) -> None:
    set_config(tenant, "upgraderunning", int(time.time()) + 60)


def pending(tenant: Tenant) -> None:
    tenant.pin(Release.objects.get(name="4.3"))


def closed(tenant: Tenant) -> None:
    files.enter_maintenance(tenant, "<p>Holidays")


def broken(tenant: Tenant) -> None:
    Tenant.objects.update(attention="half restored")


def gone(tenant: Tenant) -> None:
    moodledb.execute(tenant.server, f"DROP DATABASE `{tenant.db_name}`")


@pytest.mark.parametrize(
    ("happened", "told"),
    [
        (disabled, "cron is disabled on the site"),
        (upgrading, "the site is being upgraded"),
        (pending, "an upgrade is pending"),
        (closed, "the site is in maintenance"),
        (broken, "it needs attention: half restored"),
        (gone, "doesn't exist"),
    ],
)
def test_what_keeps_a_cron_from_running_is_told(tenant: Tenant, happened, told: str):
    happened(tenant)

    wanted, barred = fleetcron.due(list(Tenant.objects.with_edges()))

    assert wanted == {}
    assert told in barred[tenant.pk]


def test_a_fleet_that_cannot_be_asked_is_not_idle(manage: Manage, quiet, workers):
    DatabaseServer.objects.update(socket="/nowhere")

    said = manage("vcron")

    assert said.code == 1
    assert "Not asked for: 1 crons: database server" in said.err


def test_a_fleet_is_asked_in_few_statements(rows, monkeypatch):
    tenants, asked = rows(100), []

    def answer(server, statement, values=()):
        asked.append(statement)
        row = (0, 0, 0, 0, "0", "", None)
        return [(tenant.pk, *row) for tenant in tenants]

    monkeypatch.setattr(moodledb, "query", answer)
    monkeypatch.setattr(moodledb, "CHUNK", 200)

    _wanted, barred = fleetcron.due(tenants)

    assert set(barred.values()) == {"cron is disabled on the site"}
    assert len(asked) == 1


def test_only_what_is_due_is_run_and_then_nothing_is(
    manage: Manage, quiet: Tenant, add_tenant: AddTenant, workers
):
    other = add_tenant("other")
    make_due(other, DAILY, 30)

    first = manage("vcron")
    second = manage("vcron")

    assert (first.code, first.out) == (0, f"Run {Run.objects.get().pk}: 1 crons\n")
    assert (second.code, second.out) == (0, "Nothing is due\n")
    assert states() == {"other": "succeeded"}
    assert Run.objects.get().origin == "vcron"
    passed = CronPass.objects.get(tenant=other)
    assert passed.completed_at == passed.tried_at > ago(60)


def test_nobody_is_told_of_it(manage: Manage, tenant: Tenant, workers, settings):
    settings.ADMINS = [("a", "a@example.org")]
    set_config(tenant, "sandbox_task_fails", MINUTELY)
    make_due(tenant, MINUTELY, 30)

    said = manage("vcron")

    assert said.code == 0
    assert states() == {"one": "failed"}
    assert not Mail.objects.exists()
    assert mail.outbox == []
    tenant.refresh_from_db()
    assert tenant.last_job is None


def test_a_task_that_fails_is_a_pass_all_the_same(
    manage: Manage, tenant: Tenant, workers
):
    set_config(tenant, "sandbox_task_fails", MINUTELY)
    make_due(tenant, MINUTELY, 30)

    manage("vcron")

    assert states() == {"one": "failed"}
    assert CronPass.objects.get().completed_at
    assert due(tenant) == ""


def test_a_cron_that_waits_or_runs_is_not_queued_again(
    manage: Manage, tenant: Tenant, run_of: RunOf, workers, monkeypatch
):
    monkeypatch.setattr("commands.queue.enqueue_lanes", lambda run, number: None)
    run_of("system/Cron", [tenant])

    said = manage("vcron")

    assert (said.code, said.out) == (0, "Nothing is due\n")
    assert Job.objects.count() == 1


def test_a_dry_run_tells_why(
    manage: Manage, quiet: Tenant, add_tenant: AddTenant, rows
):
    add_tenant("closed")
    set_config(Tenant.objects.with_edges().get(shortname="closed"), "cron_enabled", 0)
    add_tenant("new")

    said = manage("vcron", "--dry-run")

    assert said.code == 0
    assert said.out.splitlines() == [
        "-     https://one.example.org: nothing is due",
        "-     https://closed.example.org: cron is disabled on the site",
        "due   https://new.example.org: its turn has come",
    ]
    assert not Run.objects.exists()


def test_disabled_tenants_have_no_cron(manage: Manage, tenant: Tenant, workers):
    Tenant.objects.update(enabled=False)

    assert manage("vcron").out == "Nothing is due\n"


def test_old_runs_are_forgotten_but_those_of_operators(
    manage: Manage, quiet: Tenant, finished: RunOf, workers
):
    finished("system/Cron", [quiet], origin="vcron")
    finished("system/Cron", [quiet])
    Run.objects.update(finished_at=timezone.now() - timedelta(days=2))
    finished("system/Cron", [quiet], origin="vcron")

    manage("vcron")

    assert sorted(Run.objects.values_list("origin", flat=True)) == ["screen", "vcron"]


def test_without_workers_nothing_is_queued(manage: Manage, tenant: Tenant):
    assert_refused(manage("vcron"), "No worker is running, so nothing was started")


@pytest.mark.parametrize(("words", "parallel"), [([], 2), (["--jobs=7"], 7)])
def test_crons_leave_workers_to_others(
    manage: Manage, tenant: Tenant, workers, settings, words, parallel: int
):
    settings.VMOODLE_WORKERS = 4

    manage("vcron", *words)

    assert Run.objects.get().parallel == parallel
