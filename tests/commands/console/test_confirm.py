"""The page that asks before a run is started, and what starting it does."""

import re

import pytest
from django.utils.html import strip_tags

from commands.models import Job, Run
from tenants.models import DatabaseServer, Release, Tag, Tenant
from tests.conftest import AddTenant
from tests.pages import prepared, text, url

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("probe")]


@pytest.fixture
def rows(rows, blind):
    return rows


def test_a_run_whose_surroundings_are_gone_is_refused(
    console, tenant: Tenant, add_tenant: AddTenant
):
    other = add_tenant("two")
    run = prepared(console, [tenant, other])
    page = url("run_confirm", run.pk)
    server = DatabaseServer.objects.get()
    DatabaseServer.objects.update(socket="/nowhere/mysqld.sock")
    unreached = console.post(page)
    DatabaseServer.objects.update(socket=server.socket)
    Release.objects.filter(pk=other.release_id).update(path="/nowhere")
    gone = console.post(page)

    assert "database server db1" in text(unreached)
    assert "/nowhere: there is no such directory" in text(gone)
    assert Run.objects.get().state == Run.State.DRAFT
    assert not Job.objects.exists()


def test_a_tenant_added_after_the_choice_is_not_in_the_run(console, rows):
    run = prepared(console, rows(2))
    rows(3)

    console.post(url("run_confirm", run.pk))

    assert run.jobs.count() == 2


def test_nothing_runs_before_it_is_confirmed(console, rows):
    run = prepared(console, rows(2))

    console.get(url("run_launch", run.pk))
    console.post(url("run_launch", run.pk), {"word": "x"})
    console.get(url("run_confirm", run.pk))

    assert not Job.objects.exists()


def test_what_was_changed_on_another_page_is_not_run_unseen(console, rows):
    run = prepared(console, rows(1))
    page = url("run_confirm", run.pk)
    seen = re.search('name="shown" value="([^"]*)"', console.get(page).content.decode())
    console.post(url("run_launch", run.pk), {"word": "other", "run-parallel": "1"})

    again = console.post(page, {"shown": seen[1]})

    assert "What it does has changed: look again" in again.content.decode()
    assert Run.objects.get().state == Run.State.DRAFT
    shown = again.context["shown"]
    assert console.post(page, {"shown": shown}).url == url("run_view", run.pk)


def test_the_confirmation_shows_the_same_in_a_shell(console, rows):
    run = prepared(console, rows(2), "generic_purgecaches")

    form = console.post(
        url("run_launch", run.pk), {"muc": "1", "run-canary": "1", "run-parallel": "2"}
    )
    page = strip_tags(text(console.get(form["Location"])))

    assert (
        "manage.py bulkpurgecaches --tohosts=https://t0.example.org,"
        "https://t1.example.org --jobs=2 --canary=1 --muc" in page
    )


def test_a_dangerous_command_wants_the_number_typed(console, rows, probe, monkeypatch):
    monkeypatch.setattr(probe, "dangerous", True)
    run = prepared(console, rows(2))

    page = console.post(url("run_confirm", run.pk), {"typed": "3"})
    assert "Type 2 to go on: nothing was done" in text(page)
    assert not Job.objects.exists()

    console.post(url("run_confirm", run.pk), {"typed": "2"})
    assert run.jobs.count() == 2


def test_a_canary_goes_first(console, rows):
    run = prepared(console, rows(3))

    form = console.post(url("run_launch", run.pk), {"run-canary": "1"})
    console.post(form["Location"])

    assert run.jobs.filter(wave=0).count() == 1
    assert "--canary=1" in text(console.get(url("run_view", run.pk)))


def test_a_canary_may_be_a_tag(console, rows):
    tenants = rows(3)
    tenants[1].tags.add(Tag.objects.create(name="pilot & co"))
    run = prepared(console, tenants)
    sent = {"run-canary": "nobody", "run-parallel": "2"}

    wrong = console.post(url("run_launch", run.pk), sent)
    form = console.post(url("run_launch", run.pk), sent | {"run-canary": "pilot & co"})
    page = text(console.get(form["Location"]))
    Tag.objects.update(name="other")
    gone = console.post(form["Location"], follow=True)
    Tag.objects.update(name="pilot & co")
    console.post(form["Location"])

    assert "canary nobody: no selected tenant has this tag" in text(wrong)
    assert "the one with the tag pilot &amp; co goes ahead" in page
    assert page.index(tenants[1].wwwroot) < page.index(tenants[0].wwwroot)
    assert "--canary=pilot &amp; co" in page
    assert "no selected tenant has this tag" in text(gone)
    assert run.jobs.get(wave=0).tenant == tenants[1]


def test_the_confirmation_lists_first_what_goes_first(console, rows):
    [zoe] = rows(1, name="Zoe")
    [adam] = rows(1, name="Adam")
    run = prepared(console, [zoe, adam])
    console.post(url("run_launch", run.pk), {"run-canary": "1", "run-parallel": "2"})

    page = text(console.get(url("run_confirm", run.pk)))
    console.post(url("run_confirm", run.pk) + "?canary=1")

    assert page.index("<td>Zoe") < page.index("<td>Adam")
    assert f"--tohosts={zoe.wwwroot},{adam.wwwroot}" in page
    assert run.jobs.get(wave=0).tenant == zoe
