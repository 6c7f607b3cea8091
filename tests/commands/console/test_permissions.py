"""Who may look, run commands, and run dangerous ones, in the console."""

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from commands.models import Job, Run
from tenants.models import Tenant
from tests.pages import LIST, prepared, text, url

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("probe")]


@pytest.fixture
def viewer() -> Client:
    """Return the client of somebody who may look at runs and tenants, no more."""
    user = User.objects.create_user("victor", is_staff=True)
    wanted = Permission.objects.filter(codename__in=["view_run", "view_tenant"])
    user.user_permissions.set(wanted)
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def operator() -> Client:
    """Return the client of somebody who may run commands that are not dangerous."""
    user = User.objects.create_user("oscar", is_staff=True)
    wanted = ["operate", "view_tenant", "view_run"]
    user.user_permissions.set(Permission.objects.filter(codename__in=wanted))
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.parametrize(
    ("name", "status"), [("", 404), ("no/Such", 404), ("commands/Probe", 403)]
)
def test_only_a_command_that_one_may_run_can_be_chosen(
    console, rows, probe, monkeypatch, name, status
):
    run = prepared(console, rows(1), "any_command")
    monkeypatch.setattr(probe, "dangerous", True)
    User.objects.filter(username="alice").update(is_superuser=False, is_staff=True)
    alice = User.objects.get(username="alice")
    alice.user_permissions.set(Permission.objects.filter(codename="operate"))

    page = console.get(url("run_choose", run.pk))
    answer = console.post(url("run_choose", run.pk), {"command": name})

    assert "commands/Probe" not in text(page)
    assert answer.status_code == status
    assert Run.objects.get().command == ""


@pytest.mark.parametrize("page", ["run_launch", "run_confirm"])
def test_who_may_only_look_cannot_prepare_a_run(viewer, rows, page):
    run = Run.objects.create(
        command="commands/Probe", targets=[rows(1)[0].pk], actor="x"
    )

    assert viewer.post(url(page, run.pk)).status_code == 403


def test_who_may_only_look_sees_no_buttons(viewer, run_of, rows):
    run = run_of("commands/Probe", rows(1))

    page = text(viewer.get(url("run_view", run.pk)))

    assert "Cancel the run" not in page
    assert viewer.post(url("run_cancel", run.pk)).status_code == 403
    assert "commands_probe" not in text(viewer.get(LIST))


def test_a_dangerous_command_needs_its_own_permission(
    operator, rows, probe, monkeypatch
):
    monkeypatch.setattr(probe, "dangerous", True)
    run = Run.objects.create(
        command="commands/Probe", targets=[rows(1)[0].pk], actor="x"
    )

    assert operator.post(url("run_confirm", run.pk)).status_code == 403
    assert "generic_purgecaches" in text(operator.get(LIST))
    assert "commands_probe" not in text(operator.get(LIST))


@pytest.fixture
def at_times_dangerous(probe, monkeypatch) -> None:
    """Let the probe be dangerous with one of its parameters."""
    monkeypatch.setattr(
        probe, "is_dangerous", lambda form: form.cleaned_data["word"] == "delete"
    )


@pytest.mark.usefixtures("at_times_dangerous")
@pytest.mark.parametrize("word", ["delete", "look"])
def test_only_dangerous_parameters_want_the_number_typed(console, rows, blind, word):
    run = prepared(console, rows(2))
    form = console.post(url("run_launch", run.pk), {"word": word})

    asked = "Type <code>2</code> to go on" in text(console.get(form["Location"]))
    console.post(form["Location"])

    assert (asked, Job.objects.count()) == (
        (True, 0) if word == "delete" else (False, 2)
    )


@pytest.mark.usefixtures("at_times_dangerous")
def test_dangerous_parameters_need_the_permission(operator, rows):
    run = prepared(operator, rows(1))

    page = operator.post(url("run_launch", run.pk), {"word": "delete"})

    assert "You lack the permission to run dangerous commands" in text(page)
    assert Run.objects.get().attributes == ""
    assert operator.post(url("run_launch", run.pk), {"word": "x"}).status_code == 302
    Run.objects.update(attributes="word=delete")
    assert operator.post(url("run_confirm", run.pk), {"typed": "1"}).status_code == 403


@pytest.mark.usefixtures("at_times_dangerous")
@pytest.mark.parametrize(("word", "offered"), [("delete", False), ("look", True)])
def test_a_retry_is_offered_to_who_may_run_it(
    console, operator, finished, rows, word, offered
):
    run = finished("commands/Probe", rows(1), f"word={word}")

    page = text(operator.get(url("run_view", run.pk)))

    assert ("Run again on all" in page) == offered
    assert "Run again on all" in text(console.get(url("run_view", run.pk)))


def test_nobody_sees_anything_without_logging_in(client, run_of, rows):
    run = run_of("commands/Probe", rows(1))

    for page in ("/", LIST, url("run_view", run.pk), url("run_live", run.pk)):
        answer = client.get(page)
        assert (answer.status_code, "/login/" in answer["Location"]) == (302, True)


@pytest.mark.parametrize("page", ["tenant", "databaseserver"])
def test_who_may_only_look_sees_no_password(viewer, add_tenant, server, page):
    tenant = add_tenant("one", install=False)
    Tenant.objects.update(forced_settings={"smtppass": "gehe1m"})
    viewing = Permission.objects.get(codename="view_databaseserver")
    User.objects.get().user_permissions.add(viewing)
    row = tenant if page == "tenant" else server

    answer = viewer.get(f"/tenants/{page}/{row.pk}/change/")

    assert answer.status_code == 200
    assert server.admin_user in text(answer)
    assert server.admin_password not in text(answer)
    assert "gehe1m" not in text(answer)
