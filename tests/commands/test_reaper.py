import subprocess
import sys
from datetime import timedelta

import pytest
from django import forms
from django.db import OperationalError, connection
from django.utils import timezone

from commands import host, tasks
from commands.base import Command
from commands.claim import claim_next
from commands.management.commands.worker import show_life
from commands.models import Job, Run
from tenants import process
from tenants.files import FilesError
from tenants.models import Tenant
from tests.clock import Clock
from tests.commands.probe import raises

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("probe")]


@pytest.fixture
def dead() -> str:
    """Return the name of a process of this host that has died."""
    sleeper = subprocess.Popen(["sleep", "60"])
    name = host.name_of(sleeper.pid)
    sleeper.kill()
    sleeper.wait()
    return name


@pytest.fixture
def another(monkeypatch) -> None:
    """Make this process another one than that which has claimed the job."""
    monkeypatch.setattr(host, "this_process", lambda: f"{host.HOST}:1:0")


def test_a_job_of_a_dead_worker_is_failed(claimed: Job, probe, monkeypatch, dead: str):
    recovered: list[tuple[int | None, str]] = []
    monkeypatch.setattr(
        probe,
        "recover",
        lambda self, tenant: recovered.append((self.job, tenant.shortname)),
    )
    Job.objects.update(worker=dead)

    ended = tasks.reap(), tasks.reap()

    claimed.refresh_from_db()
    assert ended == (1, 0)
    assert claimed.state == Job.State.FAILED
    assert claimed.error.startswith(f"its worker died ({dead})")
    assert recovered == [(claimed.pk, "t0")]
    assert Tenant.objects.get().held_by is None
    assert Run.objects.get().state == Run.State.FINISHED


def test_what_a_dead_worker_left_is_undone_though_a_parameter_is_no_longer_valid(
    run_of, rows, probe, monkeypatch, dead: str
):
    recovered: list[str] = []
    run = run_of("commands/Probe", rows(1), "word=left")
    Job.objects.filter(pk=claim_next(run, dead).pk).update(worker=dead)
    field = forms.ChoiceField(choices=[("other", "other")])
    monkeypatch.setitem(probe.base_fields, "kind", field)
    monkeypatch.setattr(
        probe,
        "recover",
        lambda self, tenant: recovered.append(self.cleaned_data["word"]),
    )

    tasks.reap()

    assert recovered == ["left"]
    assert run.jobs.get().state == Job.State.FAILED


def test_a_worker_in_a_silent_step_is_shown_alive_by_its_host(claimed: Job, another):
    long_ago = timezone.now() - timedelta(hours=1)
    Job.objects.update(heartbeat_at=long_ago)

    assert tasks.reap() == 0

    claimed.refresh_from_db()
    assert claimed.state == Job.State.RUNNING
    assert claimed.heartbeat_at > timezone.now() - timedelta(minutes=1)


def test_a_job_that_loses_the_registry_is_undone_by_the_reaper(
    run_of, rows, probe, monkeypatch, dead: str
):
    recovered: list[str] = []
    monkeypatch.setattr(
        probe, "recover", lambda self, tenant: recovered.append(tenant.shortname)
    )
    probe.script["t0"] = raises(OperationalError(2013, "Lost connection"))
    run = run_of("commands/Probe", rows(1))

    with pytest.raises(SystemExit, match="The worker ends: .*Lost connection"):
        tasks.lane(run.pk)
    Job.objects.filter(state=Job.State.RUNNING).update(worker=dead)
    tasks.reap()

    assert recovered == ["t0"]
    assert run.jobs.get().state == Job.State.FAILED
    assert Tenant.objects.get().held_by is None


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (FilesError("the disk is gone"), "the disk is gone"),
        (KeyError("server"), "unexpected KeyError: 'server'"),
    ],
)
def test_a_cleaning_up_that_fails_is_told(
    claimed: Job, probe, monkeypatch, dead: str, failure: Exception, told: str
):
    def recover(self, tenant: Tenant) -> None:
        raise failure

    monkeypatch.setattr(probe, "recover", recover)
    Job.objects.update(worker=dead)

    tasks.reap()

    claimed.refresh_from_db()
    assert claimed.error.endswith(f"; cleaning up failed: {told}")
    assert Tenant.objects.get().held_by is None


def test_what_a_dead_worker_left_running_is_killed(claimed: Job, dead: str):
    left = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)"],
        env=process.environment(claimed.pk),
        start_new_session=True,
    )
    other = subprocess.Popen(["sleep", "60"], env=process.environment(claimed.pk + 1))
    Job.objects.update(worker=dead)

    tasks.reap()

    assert left.wait(30) == -9
    assert other.poll() is None
    other.kill()
    other.wait()


def test_a_job_of_a_live_worker_is_left_alone(claimed: Job, another: None):
    Job.objects.update(heartbeat_at=timezone.now() - timedelta(hours=1))

    assert tasks.reap() == 0

    claimed.refresh_from_db()
    assert claimed.state == Job.State.RUNNING


def test_a_reaper_that_takes_long_is_left_to_it(
    claimed: Job, probe, monkeypatch, dead: str
):
    clock, ended = Clock(), []
    monkeypatch.setattr("commands.models.job.time", clock)
    Job.objects.update(worker=dead)

    def recover(command: Command, tenant: Tenant) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(host, "this_process", lambda: f"{host.HOST}:1:0")
            for _look in range(2):
                clock.now += 100
                ended.append(tasks.reap())

    monkeypatch.setattr(probe, "recover", recover)

    assert tasks.reap() == 1
    assert ended == [0, 0]


def test_a_reaper_that_loses_the_registry_begins_again(
    claimed: Job, probe, monkeypatch, dead: str
):
    recovered: list[str] = []

    def recover(command: Command, tenant: Tenant) -> None:
        recovered.append(tenant.shortname)
        if len(recovered) == 1:
            raise OperationalError(2006, "Server has gone away")

    monkeypatch.setattr(probe, "recover", recover)
    Job.objects.update(worker=dead)

    with pytest.raises(OperationalError):
        tasks.reap()
    assert tasks.reap() == 1

    assert recovered == ["t0", "t0"]
    assert Job.objects.get().state == Job.State.FAILED


def test_a_job_on_another_host_is_given_time(claimed: Job, monkeypatch):
    clock = Clock()
    monkeypatch.setattr("commands.models.job.time", clock)
    Job.objects.update(worker="elsewhere:10:10")

    assert tasks.reap() == 0
    clock.now += 80
    assert tasks.reap() == 0
    clock.now += 20
    assert tasks.reap() == 1


@pytest.mark.django_db(transaction=True)  # whose connection may be closed
def test_a_job_on_another_host_has_not_been_silent_while_nobody_could_listen(
    claimed: Job, monkeypatch
):
    clock = Clock()
    monkeypatch.setattr("commands.models.job.time", clock)
    Job.objects.update(worker="elsewhere:10:10")

    def refuse(*_statement):
        raise OperationalError(2006, "Server has gone away")

    show_life("jobs")
    with connection.execute_wrapper(refuse):
        show_life("jobs")
    clock.now += 100
    show_life("jobs")  # before the other host has come to its heartbeat

    claimed.refresh_from_db()
    assert claimed.state == Job.State.RUNNING
