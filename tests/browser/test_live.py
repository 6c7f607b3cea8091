"""Pages that ask for news: for who uses the keyboard, hears them, or is logged out."""

import re
import threading

import pytest
from playwright.sync_api import Page, expect

from commands.base import CommandFailed

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
]
ONE_LATER = "id => new Promise(done => { const was = document.getElementById(id); \
const look = () => was.isConnected ? setTimeout(look, 50) : done(); look(); })"


@pytest.fixture
def go_on():
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def running(rows, run_of, work, probe, go_on):
    """Return a run whose first job waits, and whose second fails then."""

    def wait(_command):
        yield "the first line"
        while not go_on.is_set():
            yield None
            go_on.wait(0.1)
        yield "the last line"

    def fail(_command):
        yield from wait(_command)
        raise CommandFailed("the plugin is defective")

    probe.script = {"t0": wait, "t1": fail}
    run = run_of("commands/Probe", rows(2))
    thread = work(run)
    yield run
    go_on.set()
    thread.join()


def test_who_uses_the_keyboard_stays_where_they_are(page: Page, running):
    page.goto(f"/commands/run/of/run/{running.pk}/")
    name = f"job-{running.jobs.last().pk}"
    page.locator(f"#{name}").focus()

    page.evaluate(ONE_LATER, name)

    assert page.evaluate("document.activeElement.id") == name


def test_what_happens_is_read_out(page: Page, running, go_on):
    page.goto(f"/commands/run/of/run/{running.pk}/")
    said = page.get_by_role("status").filter(has_text="done")
    expect(said).to_have_text("0 % done")

    go_on.set()

    expect(page.locator("h1")).to_contain_text("failures")
    expect(said).to_have_text("100 % done, 1 failed")
    page.goto(f"/commands/run/of/job/{running.jobs.last().pk}/")
    expect(page.get_by_role("log")).to_contain_text("the last line")
    expect(page.get_by_role("status")).to_contain_text("the plugin is defective")


def test_the_first_page_follows_what_runs(page: Page, look, running, go_on):
    page.goto("/")
    expect(page.locator("#live")).to_contain_text("At work")
    page.locator(f"#run-{running.pk}").focus()

    go_on.set()

    expect(page.locator("#live")).not_to_contain_text("At work")
    expect(page.locator("#live .recent").first).to_contain_text("1 / 2")
    assert page.evaluate("document.activeElement.id") == f"run-{running.pk}"
    look()


@pytest.mark.parametrize("shown", ["run", "job"])
def test_who_is_logged_out_is_led_to_the_login(page: Page, look, running, shown):
    number = running.pk if shown == "run" else running.jobs.first().pk
    page.goto(f"/commands/run/of/{shown}/{number}/")

    page.context.clear_cookies()

    expect(page).to_have_url(re.compile(f"/login/.next=.*/{shown}/{number}/"))
    look()


@pytest.mark.parametrize("shown", ["run", "job"])
def test_a_page_without_an_answer_says_so_and_goes_on_asking(
    page: Page, running, go_on, shown
):
    number = running.pk if shown == "run" else running.jobs.first().pk
    other = page.context.new_page()  # one that may complain
    other.goto(f"/commands/run/of/{shown}/{number}/")
    expect(other.locator("pre.log")).to_contain_text("the first line")
    notice = other.get_by_role("alert")
    expect(notice).to_be_hidden()

    other.context.route(re.compile("/(live|log)/"), lambda route: route.abort())

    expect(notice).to_contain_text("does not answer")
    wider = other.evaluate("document.scrollingElement.scrollWidth - innerWidth")
    assert wider <= 0
    other.context.unroute_all()
    expect(notice).to_be_hidden()
    go_on.set()
    expect(other.locator("pre.log")).to_contain_text("the last line")
