"""The pages an operator looks at all day, with a large registry and a long history.

10,000 tenants, one running run with 10,000 jobs, 1,000,000 jobs of finished runs.
Time is that of the whole request in the server, 40 requests a page; and the number of
queries, which must not depend on the number of rows.

    python bench/pages.py [--tenants 10000] [--history 1000000] [--requests 40]
"""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fleet import median, scratch, tenant_rows, timed

if TYPE_CHECKING:
    from django.test import Client

LIMIT = 0.3  # seconds
FINISHED = """
INSERT INTO commands_run (command, attributes, secrets, targets, state, actor, origin,
    exclusive, parallel, open_wave, logroot, total, done, failed,
    stopped, created_at, started_at, finished_at, counts_at_end)
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %s)
SELECT 'generic/PurgeCaches', '', '', '[]', 'finished', 'bench', 'shell', 1,
    4, 1, '', 10000, 10000, 0, '',
    '2026-01-01', '2026-01-01', '2026-01-01', '{"succeeded": 10000}' FROM n
"""
JOBS = """
INSERT INTO commands_job (run_id, tenant_id, wwwroot, state, wave, position,
    worker, started_at, finished_at, seconds, cancel_requested, error)
SELECT run.id, tenant.id, tenant.wwwroot, 'succeeded', 0, tenant.id, '',
    '2026-01-01', '2026-01-01', 1.5, 0, ''
FROM commands_run run CROSS JOIN tenants_tenant tenant WHERE run.state = 'finished'
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tenants", type=int, default=10_000)
    parser.add_argument("--history", type=int, default=1_000_000)
    parser.add_argument("--requests", type=int, default=40)
    options = parser.parse_args()
    os.environ["ALLOWED_HOSTS"] = "testserver"
    with scratch(DEBUG="true") as home:
        run = fill(home, options.tenants, options.history)
        client = logged_in()
        jobs = run.jobs.order_by("pk")
        pages = {
            "tenant list": "/tenants/tenant/",
            "tenant list, filtered": "/tenants/tenant/?enabled__exact=1&o=6",
            "tenant list, searched": "/tenants/tenant/?q=t4321",
            "tenant": f"/tenants/tenant/{jobs[0].tenant_id}/change/",
            "index": "/",
            "run list": "/commands/run/",
            "run": f"/commands/run/of/run/{run.pk}/",
            "run, polled": f"/commands/run/of/run/{run.pk}/live/",
            "run's results": f"/commands/run/of/run/{run.pk}/results/?sort=2",
            "run's results, filtered": f"/commands/run/of/run/{run.pk}/results/?q=t99",
            "run, one state": f"/commands/run/of/run/{run.pk}/?state=queued&p=50",
            "job": f"/commands/run/of/job/{jobs[0].pk}/",
        }
        print(f"\n{options.tenants} tenants, {options.history} jobs in the history")
        print(f"  {'page':24} {'median':>9} {'p95':>9}  queries")
        slow = [
            page
            for page, url in pages.items()
            if show(client, page, url, options.requests) > LIMIT
        ]
    print(f"p95 above {LIMIT * 1000:.0f} ms: {', '.join(slow) or 'none'}")


def fill(home: Path, tenants: int, history: int) -> Any:
    """Fill the registry; return the running run."""
    from django.db import connection

    from commands.models import Job, Run
    from tenants.models import DatabaseServer, Release, Tenant

    server = DatabaseServer.objects.create(name="db", socket="/db.sock", admin_user="x")
    release = Release.objects.create(
        name="4.5", path="/srv/moodle/4.5", version="1", release="4.5", branch="405"
    )
    tenant_rows(tenants, server, release)
    with connection.cursor() as cursor:
        cursor.execute(FINISHED, [max(1, history // tenants)])
        cursor.execute(JOBS)
    run = Run.objects.create(
        command="generic/PurgeCaches",
        targets=list(Tenant.objects.values_list("pk", flat=True)),
        actor="bench",
    )
    run.start(lanes=False)
    ended = run.jobs.filter(position__lt=tenants // 2)
    result = {"status": "current", "version": "2023042400", "code": "2023042400"}
    ended.update(state=Job.State.SUCCEEDED, seconds=2.0, result=result)
    run.jobs.filter(position__lt=tenants // 100).update(
        state=Job.State.FAILED, error="the script ended with exit code 1"
    )
    Run.objects.filter(pk=run.pk).update(done=tenants // 2, failed=tenants // 100)
    return run


def logged_in() -> "Client":
    from django.contrib.auth.models import User
    from django.test import Client

    client = Client()
    client.force_login(User.objects.create_superuser("bench"))
    return client


def show(client: "Client", page: str, url: str, requests: int) -> float:
    """Print a page's figures; return its 95th percentile in seconds."""
    from django.db import connection, reset_queries
    from django.test.utils import CaptureQueriesContext

    def ask() -> None:
        answer = client.get(url)
        assert answer.status_code == 200, (url, answer.status_code)

    ask()
    reset_queries()  # a full log of queries would count nothing
    with CaptureQueriesContext(connection) as queries:
        ask()
    times = sorted(timed(ask) for _request in range(requests))
    p95 = times[int(0.95 * (len(times) - 1))]
    print(
        f"  {page:24} {median(times) * 1000:6.0f} ms {p95 * 1000:6.0f} ms"
        f"  {len(queries):7}"
    )
    return p95


if __name__ == "__main__":
    main()
