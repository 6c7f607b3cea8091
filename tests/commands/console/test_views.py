import re
from datetime import timedelta

import pytest
from django.utils import timezone
from django.utils.formats import date_format

from commands.claim import claim_next
from commands.console import views
from commands.models import Cluster, Job, Run
from tenants.models import Release
from tests.pages import LIST, prepared, text, url

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("probe")]


@pytest.fixture
def rows(rows, blind):
    return rows


def test_an_action_of_the_list_leads_through_form_and_confirmation_to_a_run(
    console, rows
):
    tenants = rows(3)
    run = prepared(console, tenants[:2])

    form = console.post(url("run_launch", run.pk), {"word": "x", "run-parallel": 2})
    page = console.get(form["Location"])
    assert "these 2 tenants" in text(page)
    assert tenants[1].wwwroot in text(page)
    assert tenants[2].wwwroot not in text(page)
    assert "word = x" in text(page)
    answer = console.post(form["Location"])

    run.refresh_from_db()
    assert answer["Location"] == url("run_view", run.pk)
    assert (run.state, run.total, run.parallel) == (Run.State.RUNNING, 2, 2)
    assert (run.actor, run.attributes) == ("alice", "word=x")


def test_any_other_command_is_chosen_on_a_page(console, rows):
    run = prepared(console, rows(2), "any_command")

    page = console.get(url("run_choose", run.pk))
    assert "For 2 tenants." in text(page)
    assert 'value="commands/Probe"' in text(page)
    answer = console.post(url("run_choose", run.pk), {"command": "commands/Probe"})

    assert answer["Location"] == url("run_launch", run.pk)
    assert Run.objects.get().command == "commands/Probe"


def test_a_draft_without_a_command_asks_for_one(console, rows):
    run = prepared(console, rows(1), "any_command")

    answer = console.get(url("run_launch", run.pk))

    assert answer["Location"] == url("run_choose", run.pk)


def test_a_command_without_parameters_asks_only_how_to_run(console, rows):
    draft = Run.objects.create(command="lifecycle/Disable", targets=[rows(1)[0].pk])

    page = text(console.get(url("run_launch", draft.pk)))

    assert "<p>No parameters.</p>" in page and "<h2>How to run</h2>" in page
    assert "<h2>Parameters</h2>" not in page


def test_a_run_that_was_started_on_another_page_is_not_changed(
    console, rows, monkeypatch
):
    run = prepared(console, rows(1))
    acceptable = views._acceptable

    def started(*args):
        Run.objects.get(pk=run.pk).start()
        return acceptable(*args)

    monkeypatch.setattr(views, "_acceptable", started)
    sent = {"word": "x", "run-parallel": "1"}
    answer = console.post(url("run_launch", run.pk), sent, follow=True)

    assert answer.redirect_chain[-1][0] == url("run_view", run.pk)
    run.refresh_from_db()
    assert (run.state, run.total, run.attributes) == (Run.State.RUNNING, 1, "")


def test_wrong_parameters_come_back_with_the_form(console, rows):
    run = prepared(console, rows(1), "generic_maintenance")

    page = console.post(
        url("run_launch", run.pk), {"enable": "1", "disable": "1", "run-parallel": "0"}
    )

    assert page.status_code == 200
    assert "not enable and disable" in text(page)
    assert "greater than or equal to 1" in text(page)
    assert Run.objects.get().state == Run.State.DRAFT


@pytest.mark.parametrize(
    ("limit", "stored"),
    [("3", 3), ("25%", 1), ("50 %", 2), ("", None)],
    ids=["number", "percentage, rounded up", "with a space", "none"],
)
def test_a_limit_of_failures_is_a_number_or_a_percentage(console, rows, limit, stored):
    run = prepared(console, rows(4))

    console.post(url("run_launch", run.pk), {"run-max_failures": limit})

    run.refresh_from_db()
    assert run.max_failures == stored


def test_a_limit_that_is_no_number_is_refused(console, rows):
    run = prepared(console, rows(1))

    page = console.post(url("run_launch", run.pk), {"run-max_failures": "some"})

    assert "Give a number above 0" in text(page)


def test_the_run_page_shows_failures_first_with_their_errors(console, run_of, rows):
    run = run_of("commands/Probe", rows(3), parallel=3)
    claim_next(run, "a:1:1").finish(Job.State.SUCCEEDED)
    claim_next(run, "a:1:1").finish(Job.State.FAILED, "the disk is full")

    page = text(console.get(url("run_view", run.pk)))

    assert page.index("the disk is full") < page.index(">https://t2.example.org<")
    assert page.index(">https://t1.example.org<") < page.index(
        ">https://t0.example.org<"
    )


def test_the_live_part_polls_until_the_run_has_ended(console, run_of, rows):
    run = run_of("commands/Probe", rows(1))

    running = console.get(url("run_live", run.pk))
    claim_next(run, "a:1:1").finish(Job.State.SUCCEEDED)
    ended = console.get(url("run_live", run.pk))

    assert "hx-trigger" in text(running)
    assert "HX-Refresh" not in running
    assert "hx-trigger" not in text(ended)
    assert ended["HX-Refresh"] == "true"


def test_the_run_page_can_show_one_state_only(console, run_of, rows):
    run = run_of("commands/Probe", rows(2))
    claim_next(run, "a:1:1").finish(Job.State.SUCCEEDED)

    page = text(console.get(url("run_view", run.pk) + "?state=queued"))

    assert ">https://t1.example.org<" in page
    assert ">https://t0.example.org<" not in page


def test_a_retry_asks_for_confirmation(console, run_of, rows):
    run = run_of("commands/Probe", rows(2), parallel=2)
    claim_next(run, "a:1:1").finish(Job.State.SUCCEEDED)
    claim_next(run, "a:1:1").finish(Job.State.FAILED, "no")

    answer = console.post(url("run_retry", run.pk), {"which": "failed"})

    again = Run.objects.get(state=Run.State.DRAFT)
    assert answer["Location"] == url("run_confirm", again.pk)
    assert (again.retry_of, len(again.targets)) == (run, 1)


def test_cancelling_says_who_did_it(console, run_of, rows):
    run = run_of("commands/Probe", rows(2))

    console.post(url("run_cancel", run.pk))

    run.refresh_from_db()
    assert (run.state, run.stopped) == (Run.State.FINISHED, "cancelled by alice")


def test_a_queued_job_is_cancelled_from_its_page(console, run_of, rows):
    run = run_of("commands/Probe", rows(2))
    job = run.jobs.first()

    console.post(url("job_cancel", job.pk))

    job.refresh_from_db()
    assert (job.state, job.error) == ("cancelled", "cancelled by alice")
    assert run.jobs.filter(state="queued").count() == 1


def test_the_log_of_a_job_follows_from_where_it_was(console, run_of, rows):
    job = run_of("commands/Probe", rows(1)).jobs.get()
    job.output.create(seq=1, text="<b>one</b>\ntwo\n")

    whole = text(console.get(url("job_view", job.pk)))
    rest = text(console.get(url("job_log", job.pk) + "?after=11"))

    assert "&lt;b&gt;one&lt;/b&gt; two" in whole
    assert "one" not in rest
    assert "two" in rest and "after=15" in rest


def test_the_first_page_counts_the_fleet(console, rows):
    rows(3)
    rows(1, enabled=False)
    rows(2, attention="half upgraded")
    Release.objects.update(versions_hash="a")
    rows(1, seen_hash="b")

    answer = console.get("/")

    numbers = {label: number for label, number, _b, _q in answer.context["figures"]}
    assert numbers == {
        "Enabled": 6,
        "Upgrade pending": 1,
        "Busy": 0,
        "Need attention": 2,
        "Disabled": 1,
    }


def test_the_first_page_asks_for_news_while_something_runs(console, run_of, rows):
    asks = {"HX-Request": "true"}
    run = run_of("commands/Probe", rows(1))

    whole, part = console.get("/"), console.get("/", headers=asks)
    run.cancel("alice")
    ended = console.get("/", headers=asks)

    assert 'hx-trigger="every 5s"' in text(whole)
    assert 'hx-trigger="every 5s"' in text(part)
    assert text(part).startswith('<div id="live"') and "At work" in text(part)
    assert "hx-trigger" not in text(ended) and "At work" not in text(ended)


def test_the_first_page_warns_when_no_worker_is_at_work(console):
    page = text(console.get("/"))

    assert "manage.py worker jobs" in page
    assert Cluster.objects.count() == 0


@pytest.mark.parametrize("page", ["/", LIST, "/commands/run/", "run"])
def test_the_number_of_queries_does_not_depend_on_the_rows(
    console, run_of, rows, page, django_assert_max_num_queries
):
    run = run_of("commands/Probe", rows(3))
    address = url("run_view", run.pk) if page == "run" else page
    console.get(address)
    with django_assert_max_num_queries(30) as few:
        console.get(address)
    more = run_of("commands/Probe", rows(40))
    address = url("run_view", more.pk) if page == "run" else page

    with django_assert_max_num_queries(30) as many:
        console.get(address)

    assert len(many) == len(few)


def test_pages_forbid_scripts_and_styles_from_anywhere_else(console, run_of, rows):
    run = run_of("commands/Probe", rows(2))
    job = run.jobs.first()

    for page in ("/", LIST, url("run_view", run.pk), url("job_view", job.pk)):
        answer = console.get(page)
        policy = answer["Content-Security-Policy"]
        assert "default-src 'self'" in policy and "unsafe" not in policy
        assert not re.search(
            r"<script(?![^>]*src=)|<style|\sstyle=|\son\w+=", text(answer)
        )


def test_a_job_that_waits_for_its_time_says_until_when(console, run_of, rows, probe):
    probe.held = timedelta(hours=1)
    run = run_of("commands/Probe", rows(1))
    job = run.jobs.get()
    at = date_format(timezone.localtime(job.not_before), "DATETIME_FORMAT")

    listed = text(console.get(url("run_view", run.pk)))
    alone = text(console.get(url("job_view", job.pk)))

    assert f"waits until {at}" in listed
    assert f"It waits until {at}<" in alone
    assert "<pre" not in alone


def test_tenants_are_found_by_how_their_last_job_ended(console, rows):
    rows(1, last_state="rolled_back")
    rows(1, last_state="succeeded")

    page = text(console.get(LIST))
    found = text(console.get(LIST + "?last=rolled_back"))

    assert 'href="?last=rolled_back">Rolled back<' in page
    assert "Cancelled" not in page
    assert "t0.example.org" in found
    assert "t1.example.org" not in found
