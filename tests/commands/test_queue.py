import multiprocessing
import os
import signal
import time
from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from commands import notify, queue

fork = multiprocessing.get_context("fork")


def hold(lock: queue.DeathSafeLock, ready) -> None:
    lock.acquire()
    ready.set()
    time.sleep(60)


@pytest.fixture
def holder():
    """Return a lock, and a process that holds it."""
    lock, ready = queue.DeathSafeLock(), fork.Event()
    process = fork.Process(target=hold, args=(lock, ready))
    process.start()
    ready.wait(10)
    yield lock, process
    process.kill()
    process.join()


def test_a_lock_that_another_process_holds_is_not_given(holder):
    lock, _process = holder

    assert not lock.acquire(block=False)
    assert not lock.acquire(timeout=0.2)


def test_a_lock_is_free_as_soon_as_its_holder_is_killed(holder):
    lock, process = holder

    os.kill(process.pid, signal.SIGKILL)

    assert lock.acquire(timeout=5)


def test_a_released_lock_is_given_again():
    lock = queue.DeathSafeLock()

    with lock:
        pass

    assert lock.acquire(block=False)


@pytest.mark.django_db
def test_a_lane_that_a_worker_has_taken_does_not_wait():
    queue.enqueue_lanes(1, 2)
    taken = OrmQ.objects.order_by("pk").first()
    taken.lock = timezone.now() + timedelta(hours=2)
    taken.save()

    assert queue.waiting(queue.JOBS) == 1


@pytest.mark.django_db
def test_mails_go_to_the_control_queue():
    queue.enqueue_control(notify.send_waiting)

    assert OrmQ.objects.get().key == queue.CONTROL
    assert (queue.waiting(queue.CONTROL), queue.waiting(queue.JOBS)) == (1, 0)
