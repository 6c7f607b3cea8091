"""A database server goes away in the middle of a run, and comes back."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import MySQLdb
import pytest

from commands import queue
from commands.models import Job, Run
from tenants import files
from tenants.models import Tenant
from tests.conftest import ROOT, MariaDb, RunOf
from tests.faults.conftest import (
    StartWorkers,
    assert_nothing_twice_and_nothing_left,
    create_registry,
    hurry,
    kill_and_start_again,
    manage,
    php_processes,
    wait_for_end,
    wait_for_php,
)
from tests.patience import PATIENCE, eventually

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def begin_all(run: Run) -> None:
    """Let a run have as many jobs at once as it has tenants, and wait for them."""
    Run.objects.filter(pk=run.pk).update(parallel=run.total)
    queue.enqueue_lanes(run.pk, run.total)
    queued = run.jobs.filter(state=Job.State.QUEUED)
    eventually(lambda: not queued.exists(), "not all have begun")


def test_jobs_wait_for_a_tenant_server_that_restarts(
    run_of: RunOf,
    fleet: list[Tenant],
    environment: dict[str, str],
    start_workers: StartWorkers,
    mariadb: MariaDb,
):
    environment["VMOODLE_WORKERS"] = "4"
    run = run_of("upgrade/Upgrade", fleet, "to_release=4.3", parallel=2)
    start_workers()
    hit = wait_for_php(run, 2)

    mariadb.kill()
    begin_all(run)
    time.sleep(2)  # in which one that does not wait fails
    mariadb.start()
    hurry(fleet)

    # Those that were at work lost their connection and say so; those that began while
    # it was down have waited.
    ended = wait_for_end(run)
    errors = list(run.jobs.values_list("state", "error"))
    assert ended == {"succeeded": 2, "rolled_back": 2}, errors
    for job in hit:
        job.refresh_from_db()
        assert job.state == Job.State.ROLLED_BACK
        assert job.error
        assert not files.in_maintenance(job.tenant)
    assert_nothing_twice_and_nothing_left(run)
    again = run.retry(Job.BAD, "tester", "shell")
    again.save()
    hurry(fleet)  # what was rolled back has its former settings
    again.start()
    assert wait_for_end(again) == {"succeeded": 2}


def ask(registry: MariaDb, sql: str) -> list[tuple]:
    connection = MySQLdb.connect(
        unix_socket=registry.socket,
        user="vmoodle",
        passwd=registry.password,
        db="registry",
    )
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())


def test_a_registry_that_restarts_loses_and_repeats_nothing(
    fleet: list[Tenant],
    environment: dict[str, str],
    registry: MariaDb,
    start_workers: StartWorkers,
    tmp_path: Path,
):
    manage(
        environment, "dumpdata", "tenants", f"--output={tmp_path}/rows.json"
    ).communicate()
    environment["DATABASE_URL"] = create_registry(registry)
    manage(environment, "migrate", "--verbosity=0").communicate()
    manage(environment, "loaddata", f"{tmp_path}/rows.json").communicate()
    start_workers()
    up = "SELECT COUNT(*) FROM commands_cluster"
    eventually(lambda: ask(registry, up) == [(1,)])
    bulk = manage(environment, "bulkupgrade", "--to-release=4.3", "--jobs=2", "--json")
    eventually(lambda: len(php_processes()) >= 2)

    kill_and_start_again(registry, seconds=4)
    hurry(fleet)

    report = json.loads(bulk.communicate(timeout=PATIENCE)[0])
    assert bulk.returncode == 0, report
    assert report["counts"]["succeeded"] == len(report["tenants"]) == 4
    checks = ask(
        registry,
        "SELECT job_id, SUM((LENGTH(text) - LENGTH(REPLACE(text, '== check', ''))) / 8)"
        " FROM commands_output GROUP BY job_id",
    )
    assert [times for _job, times in checks] == [1, 1, 1, 1]
    assert ask(registry, "SELECT 1 FROM tenants_tenant WHERE held_by IS NOT NULL") == []


@pytest.mark.parametrize("charset", ["utf8mb4", "latin1"])
def test_a_registry_that_lacks_letters_is_told(
    environment: dict[str, str], registry: MariaDb, charset: str
):
    environment["DATABASE_URL"] = create_registry(registry)
    ask(registry, f"ALTER DATABASE registry CHARACTER SET {charset}")

    argv = [sys.executable, str(ROOT / "manage.py"), "check", "--database=default"]
    said = subprocess.run(argv, env=environment, capture_output=True, text=True)

    assert ("vmoodle.E007" in said.stderr) == (charset == "latin1"), said


def test_a_cluster_stops_while_the_registry_is_down(
    environment: dict[str, str], registry: MariaDb, start_workers: StartWorkers
):
    environment["DATABASE_URL"] = create_registry(registry)
    manage(environment, "migrate", "--verbosity=0").communicate()
    workers = start_workers()
    registry.stop()

    workers.process.send_signal(signal.SIGTERM)

    assert workers.process.wait(PATIENCE) == 0


def printed_by(
    module: str, environment: dict[str, str], registry: MariaDb
) -> list[str]:
    """Return the lines that a program of ours prints, run on a new registry."""
    environment["DATABASE_URL"] = create_registry(registry)
    manage(environment, "migrate", "--verbosity=0").communicate()
    argv = [sys.executable, "-m", module]
    said = subprocess.check_output(argv, env=environment, cwd=ROOT, text=True)
    return said.splitlines()


def test_jobs_that_end_at_the_same_moment_are_no_deadlock(
    environment: dict[str, str], registry: MariaDb
):
    said = printed_by("tests.faults.ends", environment, registry)

    assert said == ["ended", "ended"]


def test_a_job_that_is_claimed_while_a_form_is_saved_knows_what_it_says(
    environment: dict[str, str], registry: MariaDb
):
    said = printed_by("tests.faults.claims", environment, registry)

    assert said == ["/srv", "/srv"]


def test_a_release_that_is_saved_while_a_job_pins_to_it_is_no_deadlock(
    environment: dict[str, str], registry: MariaDb
):
    said = printed_by("tests.faults.pins", environment, registry)

    assert said == ["done", "done"]
