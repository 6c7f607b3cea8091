"""Processes of the cluster are killed in the middle of a run of real upgrades."""

import os
import signal
import subprocess
import sys
from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.tasks import async_task

from commands import queue, tasks
from commands.models import Job, Run
from tenants import files
from tenants.models import Tenant
from tests.conftest import ROOT, RunOf
from tests.faults.conftest import (
    StartWorkers,
    assert_nothing_twice_and_nothing_left,
    assert_php_dies,
    children,
    dead,
    hurry,
    php_processes,
    wait_for_end,
    wait_for_php,
)
from tests.patience import PATIENCE, eventually

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def run(run_of: RunOf, fleet: list[Tenant]) -> Run:
    return run_of("upgrade/Upgrade", fleet, "to_release=4.3", parallel=2)


def test_a_busy_worker_that_is_killed_costs_its_job_only(
    run: Run, fleet: list[Tenant], start_workers: StartWorkers
):
    workers = start_workers()
    victim = wait_for_php(run, 2)[0]

    os.kill(workers.busy(victim), signal.SIGKILL)
    hurry(fleet)

    assert wait_for_end(run) == {"succeeded": 3, "failed": 1}
    victim.refresh_from_db()
    assert victim.state == Job.State.FAILED
    assert "its worker died" in victim.error
    assert_nothing_twice_and_nothing_left(run)


def test_a_worker_whose_job_was_given_to_another_leaves_the_site_to_that_one(
    run: Run, fleet: list[Tenant], start_workers: StartWorkers
):
    workers = start_workers()
    job = wait_for_php(run, 2)[0]
    before = workers.busy(job)
    assert job.hand_over("there:2:2")

    eventually(lambda: dead([before]), "it goes on")

    job.refresh_from_db()
    assert job.state == Job.State.RUNNING
    assert files.in_maintenance(job.tenant)
    assert not job.tenant.is_half_upgraded, "it has cleaned up as well"
    tasks.bury(job, "here:1:1")
    hurry(fleet)
    assert wait_for_end(run) == {"succeeded": 3, "failed": 1}
    assert_nothing_twice_and_nothing_left(run)


def test_what_a_killed_worker_failed_is_healed_by_a_retry(
    run: Run, fleet: list[Tenant], start_workers: StartWorkers
):
    workers = start_workers()
    os.kill(workers.busy(wait_for_php(run)[0]), signal.SIGKILL)
    hurry(fleet)
    wait_for_end(run)

    again = run.retry(Job.BAD, "tester", "shell")
    again.save()
    again.start()

    assert wait_for_end(again) == {"succeeded": 1}
    assert again.retry_of == run
    assert_nothing_twice_and_nothing_left(again)


def test_idle_workers_that_are_killed_are_replaced(
    fleet: list[Tenant], run_of: RunOf, start_workers: StartWorkers
):
    workers = start_workers()
    for _round in range(2):
        idle = children(workers.sentinel)
        for pid in idle:
            os.kill(pid, signal.SIGKILL)
        eventually(lambda gone=idle: dead(gone))
        eventually(lambda: len(children(workers.sentinel)) == 4)

    run = run_of("upgrade/CheckStatus", fleet, parallel=2)

    assert wait_for_end(run) == {"succeeded": 4}


def test_a_worker_that_ends_itself_is_replaced(
    fleet: list[Tenant], run_of: RunOf, start_workers: StartWorkers
):
    workers = start_workers()
    before = set(children(workers.sentinel))

    async_task("sys.exit", "the registry was lost", cluster=queue.JOBS)

    def replaced() -> bool:
        now = set(children(workers.sentinel))
        return len(now) == 4 and len(now & before) == 3

    eventually(replaced, "it lives, or is not replaced")
    run = run_of("upgrade/CheckStatus", fleet, parallel=2)
    assert wait_for_end(run) == {"succeeded": 4}


def test_a_main_process_that_is_killed_takes_everything_along(
    run: Run, fleet: list[Tenant], start_workers: StartWorkers
):
    workers = start_workers()
    everything = workers.all()
    jobs = wait_for_php(run, 2)
    children_of_jobs = php_processes()

    os.kill(workers.main, signal.SIGKILL)
    workers.process.wait(PATIENCE)
    hurry(fleet)

    # The sentinel sees it at once and lets the running jobs come to their end.
    eventually(lambda: dead([*everything, *children_of_jobs]))
    assert len(children_of_jobs) >= 2
    for job in jobs:
        job.refresh_from_db()
    assert {job.state for job in jobs} == {Job.State.SUCCEEDED}
    start_workers()
    assert wait_for_end(run) == {"succeeded": 4}
    assert_nothing_twice_and_nothing_left(run)


def test_a_cluster_that_is_killed_whole_is_cleaned_up_by_the_next(
    run: Run, fleet: list[Tenant], start_workers: StartWorkers
):
    workers = start_workers()
    everything = workers.all()
    wait_for_php(run, 2)

    os.killpg(workers.main, signal.SIGKILL)  # one by one, some would end by themselves
    workers.process.wait(PATIENCE)
    assert_php_dies(everything)
    hurry(fleet)
    start_workers()

    assert wait_for_end(run) == {"succeeded": 2, "failed": 2}
    assert_nothing_twice_and_nothing_left(run)


def test_a_sentinel_that_is_killed_ends_the_cluster_with_an_error(
    run: Run, fleet: list[Tenant], start_workers: StartWorkers
):
    workers = start_workers()
    everything = workers.all()
    wait_for_php(run, 2)

    os.kill(workers.sentinel, signal.SIGKILL)

    assert workers.process.wait(PATIENCE) == 1
    assert_php_dies(everything)
    hurry(fleet)
    start_workers()
    assert wait_for_end(run) == {"succeeded": 2, "failed": 2}
    assert_nothing_twice_and_nothing_left(run)


def test_an_error_of_the_main_process_ends_the_cluster(environment):
    code = "import django; django.setup()\n"
    code += "from commands import queue; queue.run(lambda: 1 / 0)"

    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        cwd=ROOT,
        timeout=PATIENCE,
        capture_output=True,
        check=False,
    )

    assert done.returncode == 1
    assert b"ZeroDivisionError" in done.stderr


def test_a_cluster_that_is_asked_to_stop_finishes_what_runs(
    run: Run, fleet: list[Tenant], start_workers: StartWorkers
):
    workers = start_workers()
    wait_for_php(run, 2)

    workers.process.send_signal(signal.SIGTERM)
    # Who hands out tasks goes first; then no job begins any more.
    eventually(lambda: len(children(workers.sentinel)) < 4, "it does not stop")
    hurry(fleet)

    assert workers.process.wait(PATIENCE) == 0
    counts = run.counts()
    assert counts["succeeded"] + counts["queued"] == 4
    assert counts["queued"]  # what had not begun
    start_workers()
    assert wait_for_end(run) == {"succeeded": 4}
    assert_nothing_twice_and_nothing_left(run)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may name a machine")
def test_jobs_of_another_machine_end_when_it_shows_no_life(
    run: Run,
    fleet: list[Tenant],
    environment: dict[str, str],
    start_workers: StartWorkers,
):
    environment["VMOODLE_HEARTBEAT_TIMEOUT"] = "10"
    there = start_workers(hostname="elsewhere")
    everything = there.all()
    jobs = wait_for_php(run, 2)
    assert {job.worker.partition(":")[0] for job in jobs} == {"elsewhere"}
    start_workers()

    os.killpg(there.main, signal.SIGKILL)
    killed = timezone.now()
    assert_php_dies(everything)
    hurry(fleet)  # what lived still would come to its end

    assert wait_for_end(run) == {"succeeded": 2, "failed": 2}
    failed = run.jobs.filter(state=Job.State.FAILED)
    assert {job.pk for job in failed} == {job.pk for job in jobs}
    assert min(job.finished_at for job in failed) > killed + timedelta(seconds=8)
    assert_nothing_twice_and_nothing_left(run)
