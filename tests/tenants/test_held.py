"""What the console does not change while a job is at work on it."""

import json
import shutil

import pytest
from django.test import Client

from commands.claim import claim_next
from commands.models import Job
from tenants.models import DatabaseServer, Journal, Release, Tag, Tenant
from tests.pages import LIST, filled, text

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"db_name": "other"}, "database name"),
        ({"wwwroot": "https://x.org", "data_path": "/x"}, "wwwroot, data path"),
        ({"enabled": "", "is_main": "on"}, "enabled, main tenant"),
        ({"db_user": "x", "db_password": "y"}, "database user, database password"),
    ],
    ids=["database", "address and data", "disabled", "account"],
)
def test_where_a_tenant_is_does_not_change_while_a_job_holds_it(
    console, add_tenant, changes, named
):
    tenant = add_tenant("one", install=False)
    Tenant.objects.update(held_by=7)

    page = console.post(f"{LIST}{tenant.pk}/change/", filled(tenant, **changes))

    said = f"Job 7 is at work on {tenant}: wait for its end, or cancel it, before you"
    assert f"{said} change: {named}<" in text(page)
    found = Tenant.objects.get()
    for name in changes:
        assert getattr(found, name) == getattr(tenant, name)


def test_the_rest_of_a_tenant_may_change_while_a_job_holds_it(console, add_tenant):
    tenant = add_tenant("one", install=False)
    Tenant.objects.update(held_by=7)

    tag = Tag.objects.create(name="pilot")
    sent = filled(tenant, name="New name", tags=[tag.pk])
    console.post(f"{LIST}{tenant.pk}/change/", sent)

    tenant.refresh_from_db()
    assert (tenant.name, tenant.held_by) == ("New name", 7)
    assert list(tenant.tags.all()) == [tag]


def delete_alone(console: Client, tenant: Tenant):
    return console.post(f"{LIST}{tenant.pk}/delete/", {"post": "yes"}, follow=True)


def delete_selected(console: Client, tenant: Tenant):
    sent = {"action": "delete_selected", "_selected_action": [tenant.pk], "post": "yes"}
    return console.post(LIST, sent, follow=True)


@pytest.mark.parametrize("delete", [delete_alone, delete_selected])
def test_a_tenant_on_which_a_job_is_at_work_is_not_deleted(
    console, add_tenant, run_of, probe, delete
):
    tenant = add_tenant("one", install=False)
    run = run_of(probe.name(), [tenant])
    job = claim_next(run, "here:1:1")

    page = text(delete(console, tenant))

    said = f"Job {job.pk} of run {run.pk} is at work on {tenant}: wait for its end, or"
    assert said in page
    assert "uccessfully" not in page
    assert Tenant.objects.exists()

    job.finish(Job.State.SUCCEEDED)
    assert "uccessfully" in text(delete(console, tenant))
    assert not Tenant.objects.exists()


@pytest.mark.parametrize("delete", [delete_alone, delete_selected])
def test_a_tenant_that_is_half_done_keeps_its_journal(console, add_tenant, delete):
    tenant = add_tenant("one", install=False)
    Journal.objects.create(tenant=tenant, work="restore", text="{}")

    page = text(delete(console, tenant))

    assert f"The restore of {tenant} has not ended: wait for it, or run" in page
    assert Journal.objects.exists()


def server_form(server: DatabaseServer, **changes) -> dict[str, object]:
    fields = ["name", "host", "port", "socket", "admin_user", "job_limit"]
    shown = {name: getattr(server, name) for name in fields}
    return {**shown, "admin_password": "", **changes}


@pytest.mark.parametrize("moving", [False, True], ids=["at work", "on its way"])
def test_a_server_stays_where_it_is_while_jobs_are_at_work_there(
    console, add_tenant, server, moving: bool
):
    tenant, other = add_tenant("one", install=False), server
    if moving:
        other = DatabaseServer.objects.create(name="db2", host="db2", admin_user="x")
        plan = json.dumps({"servers": [server.pk, other.pk]})
        Journal.objects.create(tenant=tenant, work="move", text=plan)
    Tenant.objects.update(held_by=7)
    page = f"/tenants/databaseserver/{other.pk}/change/"

    said = text(console.post(page, server_form(other, port=3307, socket="")))
    allowed = console.post(page, server_form(other, job_limit=9))

    assert f"Job 7 is at work on {tenant}: wait for its end, or cancel it" in said
    assert "before you change: " in said
    assert allowed.status_code == 302
    other.refresh_from_db()
    assert (other.port, other.job_limit) == (3306, 9)
    gone = f"/tenants/databaseserver/{other.pk}/delete/"
    assert f"is at work on {tenant}" in text(console.post(gone, {"post": "yes"}))


@pytest.mark.parametrize("upgrading", [False, True], ids=["at work", "on its way"])
def test_a_code_tree_stays_where_it_is_while_jobs_are_at_work_there(
    console, add_tenant, releases, run_of, upgrading: bool, tmp_path
):
    release = releases["4.3" if upgrading else "4.2"]
    tenants = [add_tenant("one"), add_tenant("two", install=False)]
    run = run_of("upgrade/Upgrade", tenants[:1], "to_release=4.3")
    job = claim_next(run, "here:1:1")
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(release.path, elsewhere)
    page = f"/tenants/release/{release.pk}/change/"
    sent = {"name": release.name, "php": "php", "forced_settings": '{"a": "b"}'}

    said = text(console.post(page, {**sent, "path": str(elsewhere)}))
    allowed = console.post(page, {**sent, "path": release.path})

    assert f"Job {job.pk} of run {run.pk} is at work on {tenants[0]}: wait" in said
    assert "before you change: path" in said
    assert allowed.status_code == 302
    found = Release.objects.get(pk=release.pk)
    assert (found.path, found.forced_settings) == (release.path, {"a": "b"})
    gone = console.post(f"/tenants/release/{release.pk}/delete/", {"post": "yes"})
    assert f"Job {job.pk} of run {run.pk}" in text(gone)

    job.finish(Job.State.SUCCEEDED)
    moved = console.post(page, {**sent, "path": str(elsewhere)})
    assert moved.status_code == 302
