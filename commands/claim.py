"""Which job may start now: the waves, the limits and the locks, in one statement.

Written in SQL, as all that every job passes: see `statements`.
"""

from collections.abc import Callable
from functools import cache

from django.db import connection, transaction
from django.utils import timezone

from commands.models import Job, Run
from commands.patience import past_deadlocks
from commands.statements import moment, reader
from tenants.models import DatabaseServer

NEXT = """
commands_job.id = (
WITH at_work AS (
    SELECT tenant.server_id, COUNT(*) AS jobs
    FROM commands_job job JOIN tenants_tenant tenant ON tenant.id = job.tenant_id
    WHERE job.state = 'running'
    GROUP BY tenant.server_id
)
SELECT job.id
FROM commands_job job
JOIN commands_run run ON run.id = job.run_id
LEFT JOIN tenants_tenant tenant ON tenant.id = job.tenant_id
LEFT JOIN tenants_databaseserver server ON server.id = tenant.server_id
LEFT JOIN at_work ON at_work.server_id = server.id
WHERE job.run_id = %s
    AND job.state = 'queued'
    AND (job.not_before IS NULL OR job.not_before <= %s)
    AND run.state = 'running'
    AND job.wave <= run.open_wave
    AND (tenant.held_by IS NULL OR NOT run.exclusive)
    AND COALESCE(at_work.jobs < server.job_limit, TRUE)
    AND run.parallel > (
        SELECT COUNT(*) FROM commands_job other
        WHERE other.run_id = %s AND other.state = 'running'
    )
ORDER BY job.position
LIMIT 1
)
"""


@past_deadlocks
@transaction.atomic
def claim_next(run: Run, worker: str) -> Job | None:
    """Claim the next job of a run that may start now; None if there is none.

    Within the limits of the run and of each database server, and never two
    exclusive jobs on one tenant. The job has all that running it needs.
    """
    if connection.features.has_select_for_update:
        # Locking the few server rows makes the limits exact; SQLite's immediate
        # transaction does so anyway.
        list(DatabaseServer.objects.select_for_update().values_list("pk"))
    if job := _next()(run.pk, moment(timezone.now()), run.pk):
        job.run = run
    return job if job and job.claim(worker) else None


@cache
def _next() -> Callable[..., Job | None]:
    return reader(Job.objects.select_related("tenant__server", "tenant__release"), NEXT)
