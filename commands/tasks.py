"""What workers run: lanes, one job, and the reaper."""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from copy import copy
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from commands import host, queue
from commands.base import REFUSED, CommandFailed, Json, NothingToDo
from commands.claim import claim_next
from commands.logfile import LogFile
from commands.models import Job, Run
from commands.patience import DOWN, patiently
from commands.recorder import Cancelled, Recorder
from commands.validation import kept
from tenants import moodledb, process

EXPECTED = (*REFUSED, Cancelled, NothingToDo)  # their sentence ends the job
BLOCKED = 2.0  # seconds a lane waits for limits and locks before it goes to the back
LONGEST = 500  # characters of why an end cannot be stored
FRESH = 3.0  # seconds in which a run cannot have lost a lane


def lane(run_id: int) -> None:
    """Run queued jobs of a run one after the other, for about a minute.

    Lanes steal work: each takes the next job, so none waits for the slowest. A
    lane delivered twice does no harm, since a job is claimed once.
    """
    try:
        _run_jobs(Run.objects.get(pk=run_id), host.this_process())
    except DOWN as error:
        # A claim or an end may be stored all the same. Of a worker that has died
        # the reaper looks after what it had, so this one does.
        raise SystemExit(f"The worker ends: {error}") from error


def _run_jobs(run: Run, worker: str) -> None:
    end = time.monotonic() + settings.VMOODLE_LANE_SECONDS
    idle = time.monotonic() + BLOCKED
    while time.monotonic() < min(end, idle) and not queue.stopping():
        if job := claim_next(run, worker):
            execute(job)
            idle = time.monotonic() + BLOCKED
        elif not run.lanes_wanted():
            return
        else:
            time.sleep(0.2)
    queue.enqueue_lanes(run.pk, min(1, run.lanes_wanted()))


@kept()
def execute(job: Job, **shell: Callable[..., Any]) -> None:
    """Run a claimed job to its end. The one place that catches a command's errors.

    `shell`: the `echo` and `interrupted` of a recorder.
    """
    recorder = Recorder(job, **shell)
    ending: dict[str, Any] = {}
    try:
        result = _work(job, recorder)
        code = result.get("exit_code") if isinstance(result, dict) else None
        ending = {"state": Job.State.SUCCEEDED, "result": result, "exit_code": code}
    except DOWN:
        raise  # its undoing needs the registry too: the reaper does it, later
    except BaseException as error:
        ending = _ending(error)
        if not isinstance(error, EXPECTED):
            raise
    finally:
        if ending:
            _end(job, recorder, ending)
            recorder.log.end(job)


def _end(job: Job, recorder: Recorder, ending: dict[str, Any]) -> None:
    """Store how a job ended; at least that it did, for else it holds its tenant."""
    try:
        # A registry that restarts must not make a job that is done look lost.
        patiently(lambda: recorder.store(lambda: job.finish(**ending)))
    except DOWN:
        raise
    except Exception as error:
        why = ascii(str(error))[1:LONGEST].rstrip("'")
        told = f"it {ending['state']}, but what it told cannot be stored: {why}"
        patiently(lambda: job.finish(Job.State.FAILED, told))
        raise


def _work(job: Job, recorder: Recorder) -> Json:
    command = copy(job.run.command_of_jobs)
    command.cleaned_data = copy(command.cleaned_data)  # a job may change its own
    command.job = job.pk
    recorder.log.open(job, command)
    if job.tenant is None:
        raise CommandFailed("the tenant is not in the registry any more")
    if job.tenant.attention and command.exclusive and not command.heals:
        raise CommandFailed(f"the tenant needs attention: {job.tenant.attention}")
    wait = settings.VMOODLE_DATABASE_WAIT
    moodledb.wait_until_up(job.tenant.server, wait, trusting=True)
    result = recorder.follow(command, job.tenant)
    # What cannot be stored fails the job here, and not its end.
    json.dumps(result, allow_nan=False)
    return result


def _ending(error: BaseException) -> dict[str, Any]:
    """Return how an error ends its job."""
    if not isinstance(error, EXPECTED):
        told = f"unexpected {type(error).__name__}: {error}".removesuffix(": ")
        return {"state": Job.State.FAILED, "error": told}
    return {
        "state": getattr(error, "state", Job.State.FAILED),
        "error": "; ".join(getattr(error, "messages", [str(error)])),
        "exit_code": getattr(error, "exit_code", None),
    }


def reap() -> int:
    """End the jobs whose worker died, undo what they left, refill lanes.

    Returns how many jobs were ended.
    """
    buried, me = 0, host.this_process()
    for job in Job.objects.filter(state=Job.State.RUNNING).with_edges():
        dead = job.worker
        if host.is_alive(dead) and dead != me:
            job.beat()  # it cannot in a step that is silent for long, such as a copy
        # A reaper runs no jobs: one of its own is what the registry cut it off from.
        elif (dead == me or job.worker_is_gone()) and job.hand_over(me):
            bury(job, dead)
            buried += 1
    refill_lanes()
    return buried


def bury(job: Job, worker: str) -> None:
    """End one job whose worker died."""
    error = f"its worker died ({worker}); what it had done is in the output"
    log = LogFile()
    process.kill_leftovers(job.pk)
    try:
        if job.tenant:
            command = job.run.bound()
            command.is_valid()  # else, what is valid still: a release may be renamed
            command.job = job.pk
            with suppress(CommandFailed):  # on another host the directory is not there
                log.open(job, command)
            command.recover(job.tenant)
    except DOWN:
        raise  # the next time
    except Exception as failure:  # whatever it is: the tenant must not stay held
        error += f"; cleaning up failed: {_ending(failure)['error']}"
    job.finish(Job.State.FAILED, error)
    log.end(job)


def refill_lanes() -> None:
    """Give lanes to runs that have lost one, or whose jobs' time has come."""
    waiting = queue.waiting(queue.JOBS)
    # A shell takes the job of a run that has just begun for itself.
    now = timezone.now()
    fresh = (now - timedelta(seconds=FRESH), now)  # if later: the clock was set back
    running = Run.objects.filter(state=Run.State.RUNNING)
    for run in running.exclude(started_at__range=fresh):
        queue.enqueue_lanes(run.pk, run.lanes_wanted() - waiting.count((run.pk,)))
        run.close()
