from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from commands import host
from commands.claim import claim_next
from commands.models import Cluster, Job, Mail, Run
from commands.queue import CONTROL, JOBS

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("probe")]


def beat(queue: str, worker: str = "elsewhere", seconds: int = 0) -> None:
    Cluster.objects.create(
        queue=queue,
        worker=f"{worker}:{queue}:1",
        heartbeat_at=timezone.now() - timedelta(seconds=seconds),
    )


@pytest.fixture
def clusters() -> None:
    beat(JOBS)
    beat(CONTROL)


def readyz(client: Client) -> tuple[int, dict]:
    answer = client.get("/readyz")
    return answer.status_code, answer.json()


def test_a_process_that_serves_requests_is_healthy(client: Client):
    answer = client.get("/healthz")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.usefixtures("clusters")
def test_with_workers_and_nothing_waiting_it_is_ready(client: Client):
    assert readyz(client) == (
        200,
        {
            "control_workers": True,
            "jobs_workers": True,
            "control_silent_seconds": pytest.approx(0, abs=5),
            "jobs_silent_seconds": pytest.approx(0, abs=5),
            "oldest_queued_seconds": None,
            "stuck": False,
            "mails_waiting": 0,
        },
    )


@pytest.mark.parametrize("queue", [JOBS, CONTROL])
def test_without_workers_of_a_queue_it_is_not_ready(client: Client, queue: str):
    beat(queue)

    status, report = readyz(client)

    assert status == 503
    assert report["jobs_workers"] is (queue == JOBS)
    assert (report["jobs_silent_seconds"] is None) is (queue != JOBS)
    assert report["control_workers"] is (queue == CONTROL)


@pytest.mark.parametrize(("seconds", "alive"), [(25, True), (35, False)])
def test_a_cluster_elsewhere_lives_as_long_as_it_beats(seconds: int, alive: bool):
    beat(JOBS, seconds=seconds)

    assert Cluster.alive(JOBS) is alive


def test_a_cluster_of_this_host_that_died_is_dead_at_once():
    Cluster.objects.create(
        queue=JOBS, worker=f"{host.HOST}:1:0", heartbeat_at=timezone.now()
    )

    assert not Cluster.alive(JOBS)


@pytest.mark.usefixtures("clusters")
def test_a_job_that_waits_too_long_while_nothing_runs_is_stuck(
    client: Client, run_of, rows
):
    run_of("commands/Probe", rows(2))
    assert readyz(client)[0] == 200

    Run.objects.update(started_at=timezone.now() - timedelta(minutes=6))

    status, report = readyz(client)
    assert (status, report["stuck"]) == (503, True)
    assert report["oldest_queued_seconds"] == pytest.approx(360, abs=10)


@pytest.mark.usefixtures("clusters")
def test_a_job_that_waits_behind_others_is_not_stuck(client: Client, run_of, rows):
    run = run_of("commands/Probe", rows(2))
    Run.objects.update(started_at=timezone.now() - timedelta(minutes=6))

    claim_next(run, "here:1:1")

    status, report = readyz(client)
    assert (status, report["stuck"]) == (200, False)


@pytest.mark.usefixtures("clusters")
def test_the_jobs_of_an_ended_run_do_not_wait(client: Client, run_of, rows):
    run_of("commands/Probe", rows(2)).cancel("tester")
    Run.objects.update(started_at=timezone.now() - timedelta(minutes=6))

    status, report = readyz(client)

    assert (status, report["oldest_queued_seconds"]) == (200, None)
    assert not Job.objects.filter(state=Job.State.QUEUED).exists()


@pytest.mark.usefixtures("clusters")
def test_mails_that_wait_are_told_and_do_not_matter(client: Client):
    Mail.objects.create(subject="10 %", body="", recipients=["ann@example.org"])

    status, report = readyz(client)

    assert (status, report["mails_waiting"]) == (200, 1)


@pytest.mark.usefixtures("clusters")
def test_a_job_waits_in_vain_from_the_time_it_may_start(
    client: Client, run_of, rows, probe
):
    probe.held = timedelta(hours=1)
    run = run_of("commands/Probe", rows(1))
    Run.objects.update(started_at=timezone.now() - timedelta(hours=2))
    assert readyz(client)[1]["oldest_queued_seconds"] is None

    run.jobs.update(not_before=timezone.now() - timedelta(minutes=1))

    status, report = readyz(client)
    assert (status, report["stuck"]) == (200, False)
    assert report["oldest_queued_seconds"] == pytest.approx(60, abs=10)


@pytest.mark.usefixtures("clusters")
def test_a_job_that_waits_for_its_canary_is_not_stuck(client: Client, run_of, rows):
    run = run_of("commands/Probe", rows(2), canary=1)
    now = timezone.now()
    run.jobs.filter(wave=0).update(not_before=now + timedelta(minutes=50))
    run.jobs.filter(wave=1).update(not_before=now - timedelta(minutes=10))

    status, report = readyz(client)

    assert (status, report["oldest_queued_seconds"]) == (200, None)
