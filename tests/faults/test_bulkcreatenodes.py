"""A list of new tenants is cut off, where it is worst, and given again."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from commands.models import Job, Run
from tenants import moodledb
from tenants.backup import snapshots as taken
from tenants.lifecycle import databases, doctor
from tenants.models import Journal, Tenant
from tests.conftest import ROOT
from tests.faults.conftest import StartWorkers, assert_healthy, wait_for_end
from tests.leftovers import let_it_be_old
from tests.patience import PATIENCE, eventually
from tests.steps import end

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
NAMES = [f"n{number}" for number in range(6)]
SLOW = "n3"
# PHP that takes its time for one site.
PHP = f"""#!/bin/sh
case "$*" in *//{SLOW}.example.org*) sleep 20;; esac
exec php "$@"
"""


@pytest.fixture
def nodes(tenant: Tenant, tmp_path: Path):
    """Return a list of six good lines and a bad one, all of one template."""
    wrapper = tmp_path / "slow-php"
    wrapper.write_text(PHP)
    wrapper.chmod(0o755)
    tenant.release.php = str(wrapper)
    tenant.release.save()
    end(taken.take(tenant, template=True))
    path = tmp_path / "nodes.csv"
    rows = [
        f"https://{name}.example.org;{name};{name};one.example.org;{database(name)};1"
        for name in NAMES
    ]
    head = "vhostname;name;shortname;vtemplate;vdbname;forcedns"
    path.write_text("\n".join([head, *rows[:2], "nohost;x;x;;x;1", *rows[2:], ""]))
    yield path
    for name in NAMES:
        moodledb.execute(tenant.server, f"DROP DATABASE IF EXISTS `{database(name)}`")
        moodledb.execute(tenant.server, f"DROP USER IF EXISTS vm_{name}@localhost")


def database(name: str) -> str:
    return f"{name}_{os.getpid()}"


def given(nodes: Path, environment: dict[str, str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "manage.py", "bulkcreatenodes", f"--nodes={nodes}"],
        env=environment,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_list_that_was_cut_off_is_given_again(
    victim,
    nodes: Path,
    tenant: Tenant,
    environment: dict[str, str],
    start_workers: StartWorkers,
):
    workers = start_workers()
    # In mid list: one line is entered, the others are not, and there is no run.
    victim(
        "after:tenants.lifecycle.provision.reserve",
        "bulkcreatenodes",
        f"--nodes={nodes}",
    )
    let_it_be_old()
    [found] = doctor.examine()
    assert "https://n0.example.org: its creation was cut off" in found.sentence
    assert doctor.mend(found) == ""

    # In mid creation: the shell dies, and so does the worker that makes one of them.
    shell = given(nodes, environment)
    job = in_mid_creation()
    shell.kill()
    shell.communicate()
    os.kill(workers.busy(job), signal.SIGKILL)

    assert wait_for_end(job.run) == {"succeeded": 5, "failed": 1}
    job.refresh_from_db()
    assert "its worker died" in job.error
    assert not databases.exists(tenant.server, database(SLOW))
    assert not databases.has_account(tenant.server, f"vm_{SLOW}")
    assert_healthy()

    tenant.release.php = "php"
    tenant.release.save()
    out, err = given(nodes, environment).communicate(timeout=PATIENCE)

    assert "1 made, 5 there, 1 failed" in out, out + err
    assert "line 4: nohost: " in err
    names = Tenant.objects.filter(enabled=True).values_list("shortname", flat=True)
    assert set(names) == {"one", *NAMES}
    assert not Journal.objects.exists()
    assert_healthy()


def in_mid_creation() -> Job:
    """Wait until the slow one has its database, and Moodle is to settle in it."""
    found: list[Job] = []

    def at_work() -> bool:
        jobs = Job.objects.filter(wwwroot__contains=SLOW, state=Job.State.RUNNING)
        found[:] = [job for job in jobs if "== settle in Moodle" in job.text()[0]]
        return bool(found)

    eventually(at_work, f"it was not made: {Run.objects.count()} runs")
    return found[0]
