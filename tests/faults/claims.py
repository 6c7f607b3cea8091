"""A job is claimed while its tenant's form is saved; prints where the job goes to work.

And what the registry says of that afterwards.
"""

import sys
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import django

TOGETHER = 1.0  # seconds in which the job is claimed, unless it must wait


def claim(run: Any) -> str:
    from django.db import connection

    from commands.claim import claim_next

    try:
        job = claim_next(run, "here:1:1")
        return job.tenant.data_path if job and job.tenant else "nothing"
    finally:
        connection.close()


def run() -> None:
    django.setup()
    from django.contrib.auth.models import User
    from django.test import Client

    from commands.models import Run
    from tenants.models import Release, Tenant
    from tenants.serving import publish
    from tests.faults.entered import enter

    release = Release.objects.create(name="r", path="/r", version="1")
    tenant = enter(release, "/before")
    planned = Run.objects.create(
        command="generic/PurgeCaches", targets=[tenant.pk], actor="x"
    )
    planned.start(lanes=False)
    console = Client(SERVER_NAME="localhost")
    console.force_login(User.objects.create_superuser("alice"))
    page = f"/tenants/tenant/{tenant.pk}/change/"
    plain = ["wwwroot", "name", "shortname", "db_type", "db_prefix", "db_user"]
    sent = {name: getattr(tenant, name) for name in [*plain, "db_name", "network"]}
    sent |= {"release": tenant.release.pk, "server": tenant.server.pk, "enabled": "on"}

    with ThreadPoolExecutor() as pool:
        begun: list[Any] = []

        def claimed(_tenant: Tenant) -> None:
            begun.append(pool.submit(claim, planned))
            wait(begun, TOGETHER)

        publish.publish = claimed  # type: ignore[assignment]
        answer = console.post(page, sent | {"data_path": "/srv"})
        assert answer.status_code == 302, answer.content.decode()
    sys.stdout.write(f"{begun[0].result()}\n{Tenant.objects.get().data_path}\n")


if __name__ == "__main__":
    run()
