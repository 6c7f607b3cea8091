"""Django-q2: enqueue, and the cluster that runs tasks. Nothing else imports it.

Its cluster is made safe here against what hangs it or makes it work twice: see
`docs/adr/0003-a-cluster-that-survives.md`.
"""

import ctypes
import fcntl
import os
import signal
import tempfile
import time
import uuid
from collections.abc import Callable
from typing import Any

from django import db
from django.utils import timezone
from django_q.cluster import Sentinel as QSentinel
from django_q.cluster import get_mp_context
from django_q.models import OrmQ
from django_q.tasks import async_task
from django_q.worker import worker as work

CONTROL, JOBS = "vmoodle", "jobs"
NAMES = {"control": CONTROL, "jobs": JOBS}  # in the shell; `control` is the default
PR_SET_PDEATHSIG = 1

_stopping: Any = None  # the sentinel's stop event, inherited by its workers


def enqueue_lanes(run_id: int, number: int) -> None:
    """Enqueue as many lanes as the run may have jobs at once."""
    for _lane in range(number):
        async_task("commands.tasks.lane", run_id, cluster=JOBS)


def enqueue_control(function: Callable[..., object], *args: Any) -> None:
    """Enqueue a small task of the control plane, such as a mail."""
    # By name, since a task may outlive its release; a worker's own cluster is what
    # django-q2 takes else.
    name = f"{function.__module__}.{function.__name__}"
    async_task(name, *args, cluster=CONTROL)


def waiting(name: str) -> list[tuple[Any, ...]]:
    """Return what the tasks in a queue are called with, but for those a worker has."""
    rows = OrmQ.objects.filter(key=name, lock__lte=timezone.now())
    return [row.args() or () for row in rows]  # none where the key is another now


def stopping() -> bool:
    """Whether this worker's cluster has been asked to stop."""
    return _stopping is not None and _stopping.is_set()


class DeathSafeLock:
    """A lock that the kernel releases when its holder dies.

    An idle worker waits for its next task while it holds the queue's read lock.
    Multiprocessing's lock stays taken when that worker is killed, and then no
    worker of the cluster gets a task again.

    It is the process that holds it, as often as it likes; one release lets go.
    """

    def __init__(self) -> None:
        self.file = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as it lives

    def acquire(self) -> None:
        fcntl.lockf(self.file, fcntl.LOCK_EX)

    def release(self, *_error: object) -> None:
        fcntl.lockf(self.file, fcntl.LOCK_UN)

    __enter__, __exit__ = acquire, release

    def __del__(self) -> None:
        self.file.close()  # one a worker: they come and go


class StopOrOrphaned:
    """The sentinel's stop event, which it sets once the main process is gone."""

    def __init__(self, event: Any) -> None:
        self.event, self.parent = event, os.getppid()

    def is_set(self) -> bool:
        return bool(self.event.is_set())

    def wait(self, seconds: float) -> bool:
        """Wait as an event does; called by the sentinel only."""
        if os.getppid() != self.parent:
            self.event.set()
        return bool(self.event.wait(seconds))


class Sentinel(QSentinel):
    """The process that keeps the workers alive."""

    stop_event: Any

    def start(self) -> None:
        global _stopping
        _stopping = self.stop_event = StopOrOrphaned(self.stop_event)
        for shared in (self.task_queue, self.result_queue):
            shared._rlock, shared._wlock = DeathSafeLock(), DeathSafeLock()
        # Without their sentinel workers would go on unseen, or wait for ever.
        os.register_at_fork(after_in_child=die_with_parent)
        super().start()

    def spawn_worker(self) -> None:
        timer = get_mp_context().Value("f", -1, lock=DeathSafeLock())
        queues = (self.task_queue, self.result_queue)
        self.spawn_process(work, *queues, timer, self.timeout)


def die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def run(each: Callable[[], None], every: float = 5.0) -> bool:
    """Run the cluster until asked to stop; call `each` now and then.

    False when the sentinel died by itself: then the cluster must be restarted.
    """
    asked: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        # To stop inside the handler, as django-q2's cluster does, can deadlock.
        signal.signal(number, lambda signum, _frame: asked.append(signum))
    processes = get_mp_context()
    stop, started = processes.Event(), processes.Event()
    db.connections.close_all()
    sentinel = processes.Process(target=Sentinel, args=(stop, started, uuid.uuid4()))
    sentinel.start()
    due = 0.0
    try:
        while not asked and sentinel.is_alive():
            if time.monotonic() >= due:
                each()
                due = time.monotonic() + every
            time.sleep(0.2)
    finally:  # after an error as well: at exit Python waits for the sentinel
        if sentinel.is_alive():  # else `set` would wait for a dead process to wake
            stop.set()
            sentinel.join()
    return bool(asked)
