"""A database server goes away in the middle of a run, and comes back."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import MySQLdb
import pytest

from commands.models import Job
from tenants import files
from tenants.models import Tenant
from tests.conftest import ROOT, MariaDb, RunOf
from tests.faults.conftest import StartWorkers, eventually, wait_for_php
from tests.faults.test_workers import (
    assert_nothing_twice_and_nothing_left,
    wait_for_end,
)

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def kill_and_start_again(mariadb: MariaDb, seconds: float) -> None:
    pid = int((mariadb.directory / "mysqld.pid").read_text())
    os.kill(pid, signal.SIGKILL)
    time.sleep(seconds)
    mariadb.start()


def test_jobs_wait_for_a_tenant_server_that_restarts(
    run_of: RunOf, fleet: list[Tenant], start_workers: StartWorkers, mariadb: MariaDb
):
    run = run_of("upgrade/Upgrade", fleet, "to_release=4.3", parallel=2)
    start_workers()
    hit = wait_for_php(run, 2)

    kill_and_start_again(mariadb, seconds=3)

    # Those that were at work lost their connection and say so; the others waited.
    assert wait_for_end(run) == {"succeeded": 2, "failed": 2}
    for job in hit:
        job.refresh_from_db()
        assert job.state == Job.State.FAILED
        assert job.error
        assert not files.in_maintenance(job.tenant)
    assert_nothing_twice_and_nothing_left(run)
    again = run.retry(Job.BAD, "tester", "shell")
    again.start()
    assert wait_for_end(again) == {"succeeded": 2}
