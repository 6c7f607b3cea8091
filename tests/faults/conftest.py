"""A real cluster of workers, to be killed, and what shall be so afterwards."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import MySQLdb
import pytest
from django.db import connection

from commands import host, tasks
from commands.models import Job, Run
from tenants import agent, files, moodledb, process
from tenants.backup import snapshots
from tenants.forms import NewTenantForm
from tenants.lifecycle import doctor, provision
from tenants.models import Snapshot, Tenant
from tests.commands.lifecycle.conftest import known, owner, site
from tests.conftest import ROOT, AddTenant, MariaDb
from tests.faults.victim import run_in_a_fork
from tests.leftovers import dropped
from tests.patience import AT_ONCE, PATIENCE, eventually
from tests.steps import end
from tests.tenants import making
from tests.tenants.backup import test_restore

__all__ = ["known", "owner", "site"]  # fixtures


def children(pid: int) -> list[int]:
    """Return the direct children of a process."""
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in listed.split()]


def dead(pids: list[int]) -> bool:
    return not any(host._start_time(pid) for pid in pids)


@dataclass
class Workers:
    """A running `manage.py worker`."""

    process: "subprocess.Popen[bytes]"

    @property
    def main(self) -> int:
        return self.process.pid

    @property
    def sentinel(self) -> int:
        """Return the main process's one child that has children of its own."""
        [found] = [pid for pid in children(self.main) if children(pid)]
        return found

    def all(self) -> list[int]:
        return [self.main, self.sentinel, *children(self.sentinel)]

    def busy(self, job: Job) -> int:
        """Return the process that runs a job."""
        job.refresh_from_db()
        return int(job.worker.split(":")[1])


StartWorkers = Callable[..., Workers]
# Run what follows where the machine has another name, which is given first.
ELSEWHERE = ["unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"']


@pytest.fixture
def environment(transactional_db, settings) -> dict[str, str]:
    """Return the environment in which a process sees the registry of the test."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "vmoodle_site.settings",
        "VMOODLE_ENV_FILE": os.devnull,
        "SECRET_KEY": settings.SECRET_KEY,
        "VMOODLE_SECRET_KEYS": ",".join(settings.VMOODLE_SECRET_KEYS),
        "VMOODLE_VAR_DIR": str(settings.VAR_DIR),
        "VMOODLE_BOOT_DIR": str(settings.VMOODLE_BOOT_DIR),
        "VMOODLE_SITES_DIR": str(settings.VMOODLE_SITES_DIR),
        "VMOODLE_PHP_CACHE_DIR": str(settings.VMOODLE_PHP_CACHE_DIR),
        "VMOODLE_DATA_ROOT": str(settings.VMOODLE_DATA_ROOT),
        "VMOODLE_SNAPSHOT_DIR": str(settings.VMOODLE_SNAPSHOT_DIR),
        "VMOODLE_WORKERS": "2",
        "VMOODLE_DATABASE_WAIT": "30",
        "DATABASE_URL": f"sqlite:///{connection.settings_dict['NAME']}",
    }


@pytest.fixture
def start_workers(environment: dict[str, str]) -> Iterator[StartWorkers]:
    """Return a function that starts a cluster and waits until it is at work."""
    started: list[Workers] = []

    def start(queue: str = "jobs", hostname: str = "") -> Workers:
        process = subprocess.Popen(
            [
                *([*ELSEWHERE, hostname] if hostname else []),
                *[sys.executable, ROOT / "manage.py", "worker", queue],
            ],
            env=environment,
            start_new_session=True,
        )
        workers = Workers(process)
        started.append(workers)
        number = int(environment["VMOODLE_WORKERS"]) if queue == "jobs" else 1
        eventually(lambda: _is_up(workers, number), "the cluster did not start")
        return workers

    yield start
    for workers in started:
        if workers.process.poll() is None:
            workers.process.send_signal(signal.SIGTERM)
            workers.process.wait(PATIENCE)


def _is_up(workers: Workers, number: int) -> bool:
    assert workers.process.poll() is None, "the cluster has ended"
    found = [pid for pid in children(workers.main) if children(pid)]
    return bool(found) and len(children(found[0])) == number + 2  # 2 of the queue


@pytest.fixture
def fleet(environment: dict[str, str], add_tenant: AddTenant) -> list[Tenant]:
    """Return four tenants whose upgrade takes a minute, but for `hurry`."""
    return [slow(add_tenant(name)) for name in ("one", "two", "three", "four")]


def slow(tenant: Tenant, seconds: int = 60) -> Tenant:
    sql = (
        f"INSERT INTO {moodledb.table(tenant, 'config')} (name, value) VALUES (%s, %s)"
    )
    moodledb.execute(tenant.server, sql, ["sandbox_upgrade_seconds", str(seconds)])
    return tenant


def hurry(tenants: Iterable[Tenant]) -> None:
    """Let upgrades, also those at work, take no longer than they must."""
    for tenant in tenants:
        moodledb.forget_config(tenant, "sandbox_upgrade_seconds")


def wait_for_php(run: Run, number: int = 1) -> list[Job]:
    """Wait until jobs of the run are in mid upgrade; return those."""
    found: list[Job] = []

    def at_work() -> bool:
        found[:] = [
            job
            for job in run.jobs.filter(state=Job.State.RUNNING).select_related("tenant")
            if "-->" in job.text()[0]
        ]
        return len(found) >= number

    eventually(at_work, "no job got as far as PHP")
    return found


def php_processes() -> list[int]:
    """Return the PHP processes that our jobs have started and that are still there."""
    ours = f"{process.MARKER}={process.mark(0).removesuffix('0')}".encode()
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if ours in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def assert_php_dies(workers: list[int]) -> None:
    """Wait for workers that were killed; their PHP dies with them, in mid upgrade.

    What lives would print its next line some seconds later, and end at that.
    """
    eventually(lambda: dead(workers), "not all were killed")
    eventually(lambda: not php_processes(), "PHP outlives its worker", seconds=AT_ONCE)


@contextmanager
def cron_at_work(tenant: Tenant) -> Iterator[None]:
    """Hold the lock that Moodle's cron holds while it runs tasks."""
    connection = MySQLdb.connect(
        unix_socket=tenant.server.socket,
        user=tenant.server.admin_user,
        passwd=tenant.server.admin_password,
    )
    name = f"{tenant.db_name}:{tenant.db_prefix}_cron_scheduled_task_runner_0"
    with closing(connection), connection.cursor() as cursor:
        cursor.execute("SELECT GET_LOCK(SHA1(%s), 0)", [name])
        yield
        # Of a connection that is closed the server lets it go a moment later.
        cursor.execute("SELECT RELEASE_LOCK(SHA1(%s))", [name])


def wait_for_end(run: Run) -> dict[str, int]:
    def over() -> bool:
        run.refresh_from_db()
        return run.state == Run.State.FINISHED

    eventually(over, f"the run does not end: {run.counts()}")
    return {state: number for state, number in run.counts().items() if number}


def assert_nothing_twice_and_nothing_left(run: Run) -> None:
    for job in run.jobs.select_related("tenant"):
        assert job.text()[0].count("== check") == 1, job.text()
        assert job.tenant.held_by is None
        # What can go back to its snapshot stays closed until it has, or is upgraded.
        half_way = job.state == Job.State.FAILED
        assert job.tenant.is_half_upgraded is half_way
        assert files.in_maintenance(job.tenant) is half_way
    eventually(lambda: not php_processes(), "PHP is left")  # killed, a moment ago


def kill_and_start_again(mariadb: MariaDb, seconds: float) -> None:
    mariadb.kill()
    time.sleep(seconds)
    mariadb.start()


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[MariaDb]:
    """Run a second server, for a registry on MariaDB."""
    server = MariaDb(tmp_path / "registry")
    server.start()
    yield server
    server.stop()


def create_registry(server: MariaDb) -> str:
    """Create the database of a registry; return its URL."""
    subprocess.run(
        ["mariadb", "--no-defaults", f"--socket={server.socket}", "-uroot"],
        input="CREATE DATABASE registry CHARACTER SET utf8mb4",
        text=True,
        check=True,
    )
    return (
        f"mysql://vmoodle:{server.password}@localhost/registry"
        f"?unix_socket={server.socket}"
    )


def manage(environment: dict[str, str], *words: str) -> "subprocess.Popen[str]":
    argv = [sys.executable, str(ROOT / "manage.py"), *words]
    return subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, text=True)


@pytest.fixture
def victim(settings):
    """Return a function that runs a command in a process that kills itself."""
    settings.VMOODLE_DATABASE_WAIT = 30

    def run(place: str, *words: str) -> None:
        assert run_in_a_fork(place, *words) == -signal.SIGKILL

    return run


def reap() -> None:
    """Do what the next worker does; its job has failed and says why."""
    assert tasks.reap() == 1
    job = Job.objects.latest("pk")
    assert job.state == Job.State.FAILED
    assert "its worker died" in job.error
    assert "cleaning up failed" not in job.error


def assert_healthy() -> None:
    assert [found.sentence for found in doctor.examine()] == []
    assert not Tenant.objects.exclude(held_by=None).exists()


def new_database() -> str:
    return f"new_{os.getpid()}"


@pytest.fixture
def cleared(server):
    yield from dropped(server)
    moodledb.execute(server, "DROP USER IF EXISTS vm_new@localhost")


@pytest.fixture
def snapshot(tenant: Tenant) -> Snapshot:
    Path(tenant.data_path, "lang").mkdir()
    Path(tenant.data_path, test_restore.BEFORE).touch()
    made = end(snapshots.take(tenant))
    sql = f"INSERT INTO {moodledb.table(tenant, 'config')} (name, value)"
    moodledb.execute(tenant.server, f"{sql} VALUES ('since', '1')")
    Path(tenant.data_path, test_restore.AFTER).touch()
    return made


@pytest.fixture
def planned(tenant: Tenant, monkeypatch) -> Tenant:
    """Return a tenant that is entered in the registry, to be made from a template."""

    def settle(made, *_words, **_job):
        yield None
        return {"wwwroot": made.wwwroot}

    monkeypatch.setattr(agent, "ask", settle)
    template = end(snapshots.take(tenant, template=True))
    given = {"db_name": new_database(), "template": template.name}
    form = NewTenantForm(making.NEW | given)
    assert form.is_valid(), form.errors
    return provision.reserve(form.save(commit=False), form.plan())
