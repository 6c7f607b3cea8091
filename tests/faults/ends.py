"""Two jobs of a run end at the same moment; prints how each of the two went."""

import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier, BrokenBarrierError
from typing import TYPE_CHECKING, Any

import django

if TYPE_CHECKING:
    from commands.models import Job

TOGETHER = 1.0  # seconds in which the other one comes as far, unless it must wait


def end(job: "Job", both: Barrier) -> str:
    from django.db import OperationalError, connection

    def meet(execute: Any, sql: str, *rest: Any) -> Any:
        done = execute(sql, *rest)
        if sql.strip().startswith("UPDATE commands_job"):
            with suppress(BrokenBarrierError):
                both.wait(TOGETHER)
        return done

    try:
        with connection.execute_wrapper(meet):
            return "ended" if job.finish(job.State.SUCCEEDED) else "not ours"
    except OperationalError as error:
        return str(error)
    finally:
        connection.close()


def run() -> None:
    django.setup()
    from commands.models import Job, Run

    run = Run.objects.create(
        command="generic/PurgeCaches", state="running", origin=Run.FLEET_CRON, total=3
    )
    jobs = [Job(run=run, state="running", worker="here:1:1") for _number in range(2)]
    for job in jobs:
        job.save()
    both = Barrier(2)
    with ThreadPoolExecutor() as threads:
        said = threads.map(lambda job: end(job, both), jobs)
    sys.stdout.writelines(f"{how}\n" for how in said)


if __name__ == "__main__":
    run()
