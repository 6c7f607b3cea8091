"""A release is saved while a job pins a tenant to it; prints how each went."""

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier, BrokenBarrierError
from typing import Any

import django

TOGETHER = 1.0  # seconds in which the other one comes as far, unless it must wait
FIRST = ("UPDATE `tenants_release`", "SELECT `tenants_tenant`")  # what each locks


def attempt(work: Callable[[], None], both: Barrier) -> str:
    from django.db import OperationalError, connection

    def meet(execute: Any, sql: str, *rest: Any) -> Any:
        done = execute(sql, *rest)
        if sql.startswith(FIRST):
            with suppress(BrokenBarrierError):
                both.wait(TOGETHER)
        return done

    try:
        with connection.execute_wrapper(meet):
            work()
    except OperationalError as error:
        return str(error)
    finally:
        connection.close()
    return "done"


def run() -> None:
    django.setup()
    from tenants.models import Release
    from tenants.serving import publish
    from tests.faults.entered import enter

    publish.rebuild = list  # type: ignore[assignment]
    former, release = (
        Release.objects.create(name=name, path=f"/{name}", version="1")
        for name in ("former", "release")
    )
    tenant = enter(former, "/a")
    release.php = "php8.2"
    both = Barrier(2)
    with ThreadPoolExecutor() as threads:
        works = (release.save, lambda: tenant.pin(release))
        said = threads.map(lambda work: attempt(work, both), works)
    sys.stdout.writelines(f"{how}\n" for how in said)


if __name__ == "__main__":
    run()
