from datetime import timedelta

import pytest
from django.utils import timezone

from commands import tasks
from commands.claim import claim_next
from commands.models import Cluster, Job, Run
from tenants.models import Tenant
from tests.commands.conftest import Manage

pytestmark = pytest.mark.usefixtures("probe")


def test_what_a_copy_of_the_registry_tells_to_do_is_not_done_again(
    manage: Manage, run_of, rows, probe, monkeypatch
):
    recovered: list[str] = []
    monkeypatch.setattr(probe, "recover", lambda self, t: recovered.append(str(t)))
    run = run_of("commands/Probe", rows(3), parallel=1)
    claim_next(run, "vm:1:1")

    said = manage("cancel_runs")

    assert (said.code, said.out) == (0, "3 jobs ended\n")
    tasks.lane(run.pk)
    assert tasks.reap() == 0
    run.refresh_from_db()
    assert run.state == Run.State.FINISHED
    assert sorted(run.jobs.values_list("state", flat=True)) == [
        Job.State.CANCELLED,
        Job.State.CANCELLED,
        Job.State.FAILED,
    ]
    assert probe.done == recovered == []
    assert not Tenant.objects.exclude(held_by=None).exists()


def test_it_waits_until_the_workers_have_stopped(manage: Manage, run_of, rows):
    run = run_of("commands/Probe", rows(1))
    now = timezone.now() - timedelta(seconds=1)
    Cluster.objects.create(queue="jobs", worker="there:1:1", heartbeat_at=now)

    said = manage("cancel_runs")

    assert said.code == 1 and "Workers run" in said.err
    assert run.counts()["queued"] == 1
