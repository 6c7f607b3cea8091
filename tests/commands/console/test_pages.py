"""What the pages of a run and of a job say at each moment."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.html import strip_tags

from commands.claim import claim_next
from commands.console import site as the_console
from commands.models import Cluster, Job, Run
from tenants.models import Release, Snapshot, Tenant

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("probe")]


def url(page: str, pk: int) -> str:
    return reverse(f"admin:commands_{page}", args=[pk])


def text(answer) -> str:
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", answer.content.decode())


def test_the_confirmation_tells_the_releases_and_no_larger_canary(console, rows):
    pks = [tenant.pk for tenant in rows(2)]
    draft = Run.objects.create(
        command="commands/Probe", targets=pks, parallel=2, max_failures=1, actor="x"
    )

    page = text(console.get(url("run_confirm", draft.pk) + "?canary=9"))

    assert page.count(f"<td>{Release.objects.get()}</td>") == 2
    assert "the first 2 with something to do go ahead · stops after 1 failure<" in page
    assert "--canary=2" in page


def test_a_run_that_is_cancelled_says_that_it_is_stopping(console, run_of, rows):
    run = run_of("commands/Probe", rows(2))
    claim_next(run, "a:1:1")
    assert "Cancel the run" in text(console.get(url("run_view", run.pk)))

    console.post(url("run_cancel", run.pk))

    page = text(console.get(url("run_view", run.pk)))
    assert "Stopping" in page
    assert "no other job starts; those at work end first" in page
    assert "Cancel the run" not in page


def test_the_bar_of_a_run_tells_whether_all_is_well(console, run_of, rows):
    run = run_of("commands/Probe", rows(2))
    page = url("run_view", run.pk)

    def bar() -> str:
        return text(console.get(page)).partition("<progress")[2].partition(" value")[0]

    assert bar() == ""
    claim_next(run, "a:1:1").finish("succeeded")
    assert bar() == ""
    claim_next(run, "a:1:1").finish("failed")
    assert bar() == ' class="failed"'

    Run.objects.update(failed=0)
    assert bar() == ' class="succeeded"'

    Run.objects.update(stopped="cancelled by alice")
    assert bar() == ""


def test_a_job_that_is_cancelled_says_so_at_once(console, run_of, rows):
    run = run_of("commands/Probe", rows(1))
    job = claim_next(run, "a:1:1")
    assert "Cancel this job" in text(console.get(url("job_view", job.pk)))

    console.post(url("job_cancel", job.pk))

    page = text(console.get(url("job_view", job.pk)))
    assert "It is being cancelled" in page
    assert "Cancel this job" not in page


def test_what_stands_above_an_output_follows_its_job(console, run_of, rows):
    run = run_of("commands/Probe", rows(1))
    job = claim_next(run, "a:1:1")
    log = url("job_log", job.pk) + "?after=0&state=running"

    before = text(console.get(log))
    job.finish(Job.State.FAILED, "the disk is full")
    after = text(console.get(log))

    assert "hx-get" in before and 'id="job"' not in before
    assert "hx-get" not in after and "hx-swap-oob" in after
    assert "Failed" in after and "the disk is full" in after


@pytest.mark.parametrize("state", Job.BAD)
def test_what_a_rolled_back_job_says_is_an_error_as_well(console, run_of, rows, state):
    job = claim_next(run_of("commands/Probe", rows(1)), "a:1:1")
    job.finish(state, "the disk is full")

    for page in (url("run_view", job.run_id), url("job_view", job.pk)):
        assert 'class="error-text">the disk is full' in text(console.get(page))


def test_no_time_is_told_that_is_not_known(console, run_of, rows):
    run = run_of("commands/Probe", rows(1))

    assert "left" not in strip_tags(text(console.get(url("run_live", run.pk))))


@pytest.mark.parametrize("page", ["/", "/commands/run/", "run_view", "job_view"])
def test_every_page_writes_a_time_in_one_way(console, run_of, rows, page):
    job = claim_next(run_of("commands/Probe", rows(1)), "a:1:1")
    job.finish(Job.State.SUCCEEDED)
    at = datetime(2026, 1, 31, 15, 4, 5, tzinfo=UTC)
    Job.objects.update(started_at=at)
    Run.objects.update(started_at=at, finished_at=at)

    pk = job.pk if page == "job_view" else job.run_id
    shown = text(console.get(url(page, pk) if "view" in page else page))

    assert re.search(r"\b2026-01-31 15:04( ·|<)", shown)


OUTCOMES = {
    "running": "Running",
    "failed": "With failures",
    "cancelled": "Stopped",
    "succeeded": "Finished",
}


@pytest.fixture
def ended(run_of, rows) -> dict[str, Run]:
    """Return four runs by how they ended, or that they have not."""
    runs = {kind: run_of("commands/Probe", rows(1)) for kind in OUTCOMES}
    for kind, state in [("failed", "failed"), ("succeeded", "succeeded")]:
        claim_next(runs[kind], "a:1:1").finish(state)
    runs["cancelled"].cancel("alice")
    return {kind: Run.objects.get(pk=run.pk) for kind, run in runs.items()}


@pytest.mark.parametrize("kind", OUTCOMES)
def test_the_list_of_runs_is_filtered_by_how_they_ended(console, ended, kind):
    answer = console.get(f"/commands/run/?outcome={kind}")

    assert list(answer.context["cl"].result_list) == [ended[kind]]
    shown = f'<span class="badge {kind}">{OUTCOMES[kind]}</span>'
    assert shown in text(answer)


def test_the_columns_of_a_run_lead_to_its_page(console, run_of, rows):
    run = run_of("commands/Probe", rows(1))

    answer = console.get(f"/commands/run/{run.pk}/change/")

    assert answer["Location"] == url("run_view", run.pk)
    assert console.get("/commands/run/x/change/")["Location"] == "/"


def test_who_changes_the_parameters_finds_the_rest_as_it_was(console, rows):
    pks = [tenant.pk for tenant in rows(3)]
    draft = Run.objects.create(command="commands/Probe", targets=pks, actor="x")
    given = {"run-parallel": "1", "run-max_failures": "2", "run-canary": "1"}

    to_confirm = console.post(url("run_launch", draft.pk), given)["Location"]
    [back] = re.findall(
        r'href="(\S*/launch/\S*)">Change', text(console.get(to_confirm))
    )

    form = console.get(back).context["options"]
    assert {f"run-{name}": str(form[name].value()) for name in form.fields} == given


@pytest.mark.parametrize(
    ("page", "status", "told"),
    [
        ("/commands/run/of/run/99/", 404, "There is no such page"),
        ("/nowhere/", 404, "There is no such page"),
        ("/commands/run/of/run/1/choose/", 403, "You may not do this"),
    ],
)
def test_a_page_that_cannot_be_shown_says_why(page: str, status: int, told: str):
    client = Client()
    client.force_login(User.objects.create_user("victor", is_staff=True))
    client.raise_request_exception = False
    viewing = Permission.objects.get(codename="view_run")
    User.objects.get().user_permissions.add(viewing)

    answer = client.get(page)

    page = answer.content.decode()
    assert answer.status_code == status
    assert f"<title>{told} | VMoodle</title>" in page and f"<h1>{told}</h1>" in page
    assert ">Runs</a>" in page and "Log out" in page  # one goes on from there


@pytest.mark.parametrize(
    ("language", "told"),
    [("en", "Something went wrong"), ("fr", "Quelque chose a échoué")],
)
def test_an_error_of_ours_is_told_on_a_page_of_our_own(monkeypatch, language, told):
    monkeypatch.setattr(the_console, "dashboard", {}.popitem)
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.create_superuser("alice"))

    answer = client.get("/", headers={"Accept-Language": language})

    assert answer.status_code == 500
    assert f'<html lang="{language}">' in answer.content.decode()
    assert f"<h1>{told}</h1>" in answer.content.decode()


@pytest.mark.parametrize("alive", [True, False])
def test_a_run_that_no_worker_begins_says_so(console, run_of, rows, monkeypatch, alive):
    monkeypatch.setattr(Cluster, "alive", lambda name: alive)
    run = run_of("commands/Probe", rows(2), parallel=2)

    waiting = text(console.get(url("run_live", run.pk)))
    claim_next(run, "a:1:1")
    begun = text(console.get(url("run_live", run.pk)))

    assert ("No worker is at work" in waiting) != alive
    assert "No worker is at work" not in begun


def test_who_was_logged_out_comes_back_to_the_page_of_the_form(run_of, rows):
    page = url("run_view", run_of("commands/Probe", rows(1)).pk)
    client = Client(headers={"Referer": f"http://testserver{page}"})

    answer = client.post(url("run_retry", 1), {"which": "failed"}, follow=True)

    assert answer.redirect_chain == [(f"/login/?next={page}", 302)]
    assert "so nothing was done: log in" in text(answer)


@pytest.mark.parametrize("referer", ["", "https://elsewhere.example.org/x"])
def test_who_was_logged_out_is_led_to_no_other_site(referer: str):
    client = Client(headers={"Referer": referer})

    assert client.post(url("run_retry", 1))["Location"] == "/login/?next=/"


def test_a_form_of_before_the_last_login_says_what_to_do():
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create_superuser("alice"))

    answer = client.post(url("run_retry", 1))

    page = answer.content.decode()
    assert answer.status_code == 403
    assert "<title>This page was out of date | VMoodle</title>" in page
    assert "Nothing was done: go back" in page and ">Tenants</a>" in page


def test_a_confirmation_tells_of_the_main_tenant_and_of_the_disabled(console, rows):
    made = rows(3)
    Tenant.objects.filter(pk=made[2].pk).update(is_main=True)
    Tenant.objects.filter(pk__in=[made[0].pk, made[1].pk]).update(enabled=False)
    pks = [tenant.pk for tenant in made]
    run = Run.objects.create(command="commands/Probe", targets=pks, actor="x")

    page = text(console.get(url("run_confirm", run.pk)))

    assert f"The main tenant is among them: {made[2].wwwroot}" in page
    assert "2 of them are disabled." in page


def test_the_confirmation_of_a_restore_names_its_snapshot(console, rows):
    [tenant] = rows(1)
    for name, day in [("old-one", 1), ("new-one", 2)]:
        at = datetime(2026, 1, day, 3, tzinfo=UTC)
        Snapshot.objects.create(
            name=name, tenant=tenant, release="4.2 (Build: 20230424)", created_at=at
        )
    run = Run.objects.create(
        command="lifecycle/Restore", targets=[tenant.pk], actor="x"
    )

    page = text(console.get(url("run_confirm", run.pk)))

    assert "2026-01-02 03:00 · 4.2 (Build: 20230424) · new-one" in page
    assert "old-one" not in page


def test_a_job_that_ended_without_a_word_shows_its_error(console, rows, run_of):
    run = run_of("commands/Probe", rows(1))
    run.jobs.update(state=Job.State.FAILED, error="the database is away")

    page = text(console.get(url("run_view", run.pk)))

    assert "<span>the database is away" in page
    assert "nothing printed yet" not in page


def test_a_long_error_is_shown_with_its_end(console, rows, run_of):
    job = claim_next(run_of("commands/Probe", rows(1)), "a:1:1")
    job.finish(Job.State.FAILED, f"x.php ended with exit code 1: {'a' * 500} / no disk")

    page = text(console.get(url("run_view", job.run_id)))

    assert re.search(r">x.php ended with exit code 1: a+ … a+ / no disk<", page)


def test_a_running_job_tells_how_long_it_has_taken(console, rows, run_of):
    run = run_of("commands/Probe", rows(1))
    began = timezone.now() - timedelta(minutes=12)
    run.jobs.update(state=Job.State.RUNNING, started_at=began)

    assert "<td>12 min " in text(console.get(url("run_view", run.pk)))


def test_the_page_of_a_job_leads_to_its_tenant(console, rows, run_of):
    job = run_of("commands/Probe", rows(1)).jobs.get()

    page = text(console.get(url("job_view", job.pk)))

    assert f'href="/tenants/tenant/{job.tenant_id}/change/"' in page


def test_who_has_no_permission_yet_is_told_so():
    client = Client()
    client.force_login(User.objects.create_user("newcomer", is_staff=True))

    assert "may not look at anything yet" in text(client.get("/"))


def test_each_page_tells_whose_clock_its_times_are_of(console, settings):
    settings.TIME_ZONE = "Europe/Paris"

    assert "Times: Europe/Paris" in text(console.get("/"))


def test_a_run_of_a_command_that_is_gone_has_its_page(console, run_of, rows):
    run = run_of("commands/Probe", rows(2))
    Run.objects.update(command="generic/OldName")

    page = console.get(url("run_view", run.pk))
    again = console.post(url("run_retry", run.pk), {"which": "all"}, follow=True)

    assert page.status_code == 200
    assert "There is no command" in text(again)


def test_a_draft_of_a_command_that_is_gone_leads_nowhere(console, rows):
    [tenant] = rows(1)
    run = Run.objects.create(command="a/Gone", targets=[tenant.pk], actor="x")

    for step in ("run_launch", "run_confirm"):
        assert console.get(url(step, run.pk)).status_code == 404


def test_a_retry_asks_anew_where_a_parameter_is_gone(console, run_of, rows):
    run = run_of("commands/Probe", rows(1))
    Run.objects.update(attributes="wrod=x")
    run.jobs.update(state="failed")

    again = console.post(url("run_retry", run.pk), {"which": "failed"}, follow=True)

    assert (again.status_code, "Review for 1 tenant" in text(again)) == (200, True)


def test_who_logs_out_is_told_what_goes_on(console):
    page = text(console.post(reverse("admin:logout")))

    assert "Runs go on without you." in page
    assert "quality time" not in page
