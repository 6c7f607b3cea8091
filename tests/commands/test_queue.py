import multiprocessing
import os
import signal
import time
from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from commands import notify, queue, tasks
from commands.models import Run
from tests.patience import PATIENCE

fork = multiprocessing.get_context("fork")


def hold(lock: queue.DeathSafeLock, held) -> None:
    with lock:
        held.set()
        time.sleep(600)


@pytest.fixture
def take():
    """Return a function that starts a process which takes a lock, and holds it."""
    started = []

    def start(lock: queue.DeathSafeLock):
        held = fork.Event()
        process = fork.Process(target=hold, args=(lock, held))
        process.start()
        started.append(process)
        return process, held

    yield start
    for process in started:
        process.kill()
        process.join()


def test_a_lock_is_free_as_soon_as_its_holder_is_killed(take):
    lock = queue.DeathSafeLock()
    holder, held = take(lock)
    assert held.wait(PATIENCE)
    _next, theirs = take(lock)
    assert not theirs.wait(0.3)

    os.kill(holder.pid, signal.SIGKILL)

    assert theirs.wait(PATIENCE)


def test_a_released_lock_is_given_to_another_process(take):
    lock = queue.DeathSafeLock()
    with lock:
        _process, held = take(lock)
        assert not held.wait(0.3)

    assert held.wait(PATIENCE)


@pytest.mark.django_db
def test_a_lane_that_a_worker_has_taken_does_not_wait():
    queue.enqueue_lanes(1, 2)
    taken = OrmQ.objects.order_by("pk").first()
    taken.lock = timezone.now() + timedelta(hours=2)
    taken.save()

    assert queue.waiting(queue.JOBS) == [(1,)]


@pytest.mark.django_db
def test_a_run_whose_lanes_cannot_be_read_any_more_is_given_others(
    run_of, rows, probe, monkeypatch
):
    run = run_of("commands/Probe", rows(2), parallel=2)
    Run.objects.update(started_at=timezone.now() - timedelta(minutes=1))
    monkeypatch.setattr("django_q.conf.Conf.SECRET_KEY", "another one")

    tasks.reap()

    assert queue.waiting(queue.JOBS) == [(), (), (run.pk,), (run.pk,)]


@pytest.mark.django_db
@pytest.mark.parametrize("where", [queue.CONTROL, queue.JOBS])
def test_mails_go_to_the_control_queue_wherever_they_are_written(monkeypatch, where):
    monkeypatch.setattr("django_q.conf.Conf.CLUSTER_NAME", where)

    queue.enqueue_control(notify.send_waiting)

    assert OrmQ.objects.get().key == queue.CONTROL
    assert (queue.waiting(queue.CONTROL), queue.waiting(queue.JOBS)) == ([()], [])
