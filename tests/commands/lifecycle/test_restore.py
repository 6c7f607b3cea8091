from collections.abc import Callable

import pytest
from django.test import Client

from commands import tasks
from commands.base import find
from commands.lifecycle.restore import Restore
from commands.models import Job, Run
from mnet import binding
from mnet.sites import Site
from tenants import moodledb
from tenants.backup import snapshots
from tenants.models import Snapshot, Tenant
from tests.commands.conftest import Manage
from tests.conftest import AddTenant, RunOf
from tests.faults.conftest import cron_at_work
from tests.pages import console, url
from tests.steps import end

__all__ = ["console"]  # a fixture


@pytest.fixture
def snapshot(tenant: Tenant) -> Snapshot:
    """Return a snapshot of a site that has lost its identifier since."""
    made = end(snapshots.take(tenant))
    moodledb.forget_config(tenant, "siteidentifier")
    return made


def has_identifier(tenant: Tenant) -> bool:
    return bool(moodledb.config_of(tenant, ["siteidentifier"]))


def test_the_newest_snapshot_is_restored_and_the_present_kept(
    finished: RunOf, tenant: Tenant, snapshot: Snapshot
):
    run = finished("lifecycle/Restore", [tenant])

    job = run.jobs.get()
    assert job.state == "succeeded", job.error
    safety = Snapshot.objects.exclude(pk=snapshot.pk).get()
    assert job.result == {"snapshot": snapshot.name, "safety": safety.name}
    assert safety.reason == Snapshot.Reason.SAFETY
    assert has_identifier(tenant)


def test_a_named_snapshot_is_restored_without_another(
    manage: Manage, tenant: Tenant, snapshot: Snapshot
):
    said = manage(
        "restore",
        f"--host={tenant.wwwroot}",
        f"--snapshot={snapshot.name}",
        "--without-safety",
        "--without-files",
    )

    assert said.code == 0, said.err
    assert Snapshot.objects.count() == 1
    assert has_identifier(tenant)


def test_the_oldest_snapshot_does_not_go_for_the_safety_one(
    finished: RunOf, tenant: Tenant, snapshot: Snapshot, settings
):
    settings.VMOODLE_SNAPSHOT_KEEP = 2
    end(snapshots.take(tenant))

    job = finished("lifecycle/Restore", [tenant], f"snapshot={snapshot}").jobs.get()

    assert job.state == "succeeded", job.error
    assert has_identifier(tenant)


def test_a_restore_that_is_tried_again_takes_the_same_snapshot(
    finished: RunOf, tenant: Tenant, snapshot: Snapshot, monkeypatch
):
    with monkeypatch.context() as patched:
        patched.setattr("tenants.backup.restore.CRON_WAIT", -1)
        with cron_at_work(tenant):
            first = finished("lifecycle/Restore", [tenant]).jobs.get()

    again = finished("lifecycle/Restore", [tenant]).jobs.get()

    assert "cron runners are still at work" in first.error
    assert again.state == "succeeded", again.error
    assert again.result["snapshot"] == snapshot.name
    assert has_identifier(tenant)


def test_what_was_confirmed_is_restored_though_a_newer_one_was_taken(
    finished: RunOf, tenant: Tenant, snapshot: Snapshot, monkeypatch
):
    claim_next = tasks.claim_next

    def late(*args):
        if Snapshot.objects.count() == 1:
            end(snapshots.take(tenant))
        return claim_next(*args)

    monkeypatch.setattr(tasks, "claim_next", late)
    job = finished("lifecycle/Restore", [tenant]).jobs.get()

    assert job.state == "succeeded", job.error
    assert Snapshot.objects.count() == 3
    assert job.result["snapshot"] == snapshot.name


def test_a_snapshot_that_is_deleted_while_the_run_starts_is_told_of(
    finished: RunOf, tenant: Tenant, snapshot: Snapshot, monkeypatch
):
    def prepare(form: Restore, tenants: list[Tenant]) -> dict[str, str]:
        snapshots.delete(snapshot)
        return {str(pk): one.name for pk, one in form.newest(tenants).items()}

    monkeypatch.setattr(Restore, "prepare", prepare)
    job = finished("lifecycle/Restore", [tenant]).jobs.get()

    assert (job.state, job.error) == (
        "failed",
        "the snapshot has been deleted meanwhile",
    )


def test_a_confirmation_is_of_the_snapshots_that_it_names(
    console: Client, tenant: Tenant, snapshot: Snapshot
):
    run = Run.objects.create(command="lifecycle/Restore", targets=[tenant.pk])
    page = url("run_confirm", run.pk)
    shown = console.get(page).context["shown"]
    newer = end(snapshots.take(tenant))

    again = console.post(page, {"shown": shown, "typed": tenant.wwwroot})

    assert "What it does has changed: look again" in again.content.decode()
    assert newer.name in again.content.decode()
    assert not Job.objects.exists()


def test_a_shell_that_asks_names_the_snapshots(
    manage: Manage, tenant: Tenant, snapshot: Snapshot, terminal: Callable[[str], None]
):
    terminal("no\n")

    said = manage("bulkrestore", "--tohosts=*", "--detach")

    assert said.code == 2
    assert f"{snapshot.release} · {snapshot})" in said.err


def test_a_dry_run_names_the_snapshots(
    manage: Manage, tenant: Tenant, snapshot: Snapshot
):
    said = manage("bulkrestore", "--tohosts=*", "--dry-run")

    assert f"queued    {tenant.wwwroot}: " in said.out
    assert f"{snapshot.release} · {snapshot}\n" in said.out


def test_a_test_changes_nothing_but_the_verdict(
    manage: Manage, workers, tenant: Tenant, snapshot: Snapshot
):
    said = manage("bulkrestore", "--tohosts=*", "--test")

    assert said.code == 0, said.err
    snapshot.refresh_from_db()
    assert snapshot.verified_at
    assert not has_identifier(tenant)


def test_many_real_restores_ask_first(manage: Manage, workers, tenant: Tenant):
    end(snapshots.take(tenant))

    said = manage("bulkrestore", "--tohosts=*")

    assert said.code == 2
    assert "lifecycle/Restore is dangerous" in said.err


def test_only_the_test_is_harmless():
    for attributes, dangerous in (("test=1", False), ("", True)):
        form = find("lifecycle/Restore").from_attributes(attributes)
        assert form.is_valid()
        assert form.is_dangerous() is dangerous


def test_a_tenant_without_snapshots_is_skipped(
    finished: RunOf, add_tenant: AddTenant, tenant: Tenant, snapshot: Snapshot
):
    other = add_tenant("two", install=False)

    run = finished("lifecycle/Restore", [other], f"snapshot={snapshot.name}")

    assert run.jobs.get().error == "it has no such snapshot"


def test_a_snapshot_that_is_not_there_is_refused(manage: Manage, tenant: Tenant):
    said = manage("restore", f"--host={tenant.wwwroot}", "--snapshot=none")

    assert said.code == 2
    assert "There is no snapshot none" in said.err


def test_mnet_peers_are_told_the_keys_that_are_back(
    finished: RunOf, tenant: Tenant, snapshot: Snapshot, monkeypatch
):
    me, peer = Site(tenant), Site(Tenant(wwwroot="https://peer.example.org"))
    change = binding.Change(peer, me, (binding.KEY,), None)
    monkeypatch.setattr(binding, "agree", lambda one: [change])

    run = finished("lifecycle/Restore", [tenant], "without_safety=1")

    told = f"mended: https://peer.example.org has another key of {tenant.wwwroot}"
    assert told in run.jobs.get().text()[0]


def test_peers_that_cannot_be_told_do_not_undo_the_restore(
    finished: RunOf, tenant: Tenant, snapshot: Snapshot, monkeypatch
):
    def away(*_asked):
        raise moodledb.MoodleDbError("database server db2: gone")

    monkeypatch.setattr(binding, "agree", away)

    job = finished("lifecycle/Restore", [tenant], "without_safety=1").jobs.get()

    assert job.state == "succeeded", job.error
    assert "Warning: its MNet peers may have other keys of it" in job.text()[0]
    assert has_identifier(tenant)
