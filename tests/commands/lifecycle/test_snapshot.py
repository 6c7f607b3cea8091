from datetime import timedelta
from pathlib import Path

from django.utils import timezone

from commands import tasks
from commands.lifecycle.snapshot import Snapshot as Command
from tenants.models import Snapshot, Tenant
from tests.commands.conftest import Manage
from tests.conftest import AddTenant, RunOf


def test_a_snapshot_is_taken(finished: RunOf, tenant: Tenant):
    run = finished(
        "lifecycle/Snapshot", [tenant], "note=before+exams&keep_days=10&template=1"
    )

    made = Snapshot.objects.get()
    assert run.jobs.get().result == {
        "snapshot": made.name,
        "tables": made.tables,
        "rows": made.rows,
        "dump_bytes": made.dump_bytes,
        "files": 0,
        "file_bytes": 0,
    }
    assert made.tables and made.rows and made.dump_bytes
    assert (made.tenant, made.note, made.is_template) == (tenant, "before exams", True)
    assert made.keep_until
    assert made.keep_until - timezone.now() > timedelta(days=9)


def test_the_shell_takes_one(manage: Manage, tenant: Tenant):
    said = manage("snapshot", f"--host={tenant.wwwroot}", "--note=typed")

    assert said.code == 0, said.err
    assert Snapshot.objects.get().note == "typed"


def test_the_shell_takes_many(manage: Manage, workers, add_tenant: AddTenant):
    tenants = {add_tenant("one"), add_tenant("two")}

    said = manage("bulksnapshot", "--tohosts=*")

    assert said.code == 0, said.err
    assert {made.tenant for made in Snapshot.objects.all()} == tenants


def test_a_site_that_is_not_installed_fails(finished: RunOf, add_tenant: AddTenant):
    run = finished("lifecycle/Snapshot", [add_tenant("one", install=False)])

    job = run.jobs.get()
    assert job.state == "failed"
    assert "mdl_config' doesn't exist" in job.error


def test_a_dead_worker_leaves_nothing(run_of: RunOf, tenant: Tenant, settings):
    run = run_of("lifecycle/Snapshot", [tenant])
    job = run.jobs.get()
    job.claim("elsewhere:1:1")
    begun = Path(settings.VMOODLE_SNAPSHOT_DIR, ".new-one-20260101-000000-abcd")
    begun.mkdir(parents=True)

    tasks.bury(job, "elsewhere:1:1")

    assert not begun.exists()


def test_a_tenant_that_needs_attention_is_still_copied():
    assert Command.heals
