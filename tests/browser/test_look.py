"""What an operator sees: nothing cut off, nothing that moves, nothing out of date."""

import re
import threading

import pytest
from django.contrib.auth.models import Permission, User
from playwright.sync_api import Page, expect

from commands.base import CommandFailed
from commands.models import Job
from commands.shell.equivalent import shell_line
from tenants.models import Release, Tenant
from tests.browser.conftest import choose

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
]
LONG = "column 'completionnotes' of table mdl_board_notes is there already, so "
TOP = "document.querySelector('.jobs').getBoundingClientRect().top + scrollY"
AT_END = """
const log = document.querySelector('pre.tail'), end = log.lastElementChild;
end.getBoundingClientRect().bottom <= log.getBoundingClientRect().bottom
"""


def test_the_jobs_stay_where_they_are_while_one_talks(
    page: Page, look, work, rows, run_of, probe
):
    more, over = threading.Event(), threading.Event()

    def talk(_command):
        yield "the first line"
        while not more.is_set():
            yield None
            more.wait(0.1)
        yield from (f"{LONG}{number}" for number in range(20))
        while not over.is_set():
            yield None
            over.wait(0.1)

    probe.script = {"t0": talk}
    run = run_of("commands/Probe", rows(1))
    thread = work(run)
    page.goto(f"/commands/run/of/run/{run.pk}/")
    expect(page.locator("pre.tail")).to_contain_text("the first line")
    before = page.evaluate(TOP)
    more.set()
    expect(page.locator("pre.tail")).to_contain_text("so 19")

    assert page.evaluate(TOP) == before
    assert page.evaluate(AT_END)
    look()
    over.set()
    thread.join()


def test_the_page_of_a_job_tells_its_end(page: Page, look, work, rows, run_of, probe):
    go_on = threading.Event()

    def fail(_command):
        yield "the first line"
        while not go_on.is_set():
            yield None
            go_on.wait(0.1)
        raise CommandFailed(LONG * 12)

    probe.script = {"t0": fail}
    run = run_of("commands/Probe", rows(1))
    thread = work(run)
    page.goto(f"/commands/run/of/job/{run.jobs.get().pk}/")
    expect(page.locator("#log")).to_contain_text("the first line")
    expect(page.locator("#job .badge")).to_have_text("Running")

    go_on.set()
    thread.join()

    expect(page.locator("#job .badge")).to_have_text("Failed")
    expect(page.locator("#job .error-text")).to_contain_text("is there already")
    expect(page.locator("#job button")).to_have_count(0)
    expect(page.locator("#log")).to_contain_text("the first line")
    look()


def test_the_line_of_the_shell_is_broken_between_its_options(
    page: Page, look, rows, run_of, probe
):
    run = run_of("commands/Probe", rows(2))
    page.goto(f"/commands/run/of/run/{run.pk}/")

    line = page.locator("pre.shell")
    last = line.locator("span").last

    assert line.text_content() == shell_line(run)
    expect(last).to_have_text("--command=commands/Probe")
    assert last.bounding_box()["height"] < 30  # pixels: it is on one line
    look()


@pytest.mark.parametrize(
    "clipboard", ["undefined", "{writeText: () => Promise.reject()}"]
)
def test_the_line_of_the_shell_is_copied_without_the_clipboard_of_https(
    page: Page, rows, run_of, probe, clipboard: str
):
    page.add_init_script(
        f"Object.defineProperty(navigator, 'clipboard', {{value: {clipboard}}})"
    )
    run = run_of("commands/Probe", rows(2))
    page.goto(f"/commands/run/of/run/{run.pk}/")

    page.click("[data-copy]")

    expect(page.locator("[data-copy].done")).to_be_visible()
    page.evaluate("document.body.prepend(document.createElement('textarea'))")
    page.locator("textarea").first.press("Control+V")
    assert page.locator("textarea").first.input_value() == shell_line(run)


def test_a_list_says_what_its_numbers_are(page: Page, look, rows):
    rows(1)
    narrow = page.viewport_size["width"] < 640

    for path, told in [
        ("/tenants/release/", "1 tenant"),
        ("/tenants/databaseserver/", "50 jobs at once"),
    ]:
        page.goto(path)
        cells = re.split(r"\s*[\t\n]\s*", page.locator("#result_list").inner_text())
        assert (told in cells) == narrow
        look()


def test_a_list_without_heads_has_no_dashes(page: Page, look, rows):
    rows(1)
    narrow = page.viewport_size["width"] < 640

    page.goto("/tenants/tenant/")

    assert ("–" in page.locator("#result_list").inner_text()) != narrow
    look()
    page.click("text=T 0")
    expect(page.locator(".field-job .readonly")).to_have_text("–")


def test_a_long_error_stays_within_its_table(page: Page, look, rows, run_of, probe):
    run = run_of("commands/Probe", rows(1))
    job = Job.objects.get(run=run)
    Job.objects.filter(pk=job.pk).update(state=Job.State.FAILED, error=LONG * 3)
    page.goto(f"/commands/run/of/run/{run.pk}/")

    cell = page.locator(".jobs td").last.bounding_box()
    table = page.locator(".jobs").bounding_box()

    assert cell["x"] + cell["width"] <= table["x"] + table["width"] + 0.5
    look()


def test_all_tenants_are_selected_at_once_on_any_screen(page: Page, look, rows):
    rows(3)
    page.goto("/tenants/tenant/")

    page.check("#action-toggle")

    expect(page.locator("tr.selected")).to_have_count(3)
    boxes = page.locator("#result_list input[type=checkbox]").all()
    middles = {round(box.bounding_box()["x"]) for box in boxes}
    assert len(middles) == 1  # one below the other
    look()


def test_the_first_page_breaks_no_word(page: Page, look, rows):
    rows(2, seen_hash="former")
    Release.objects.update(
        name="4.2", release="4.2 (Build: 20230424)", versions_hash="x"
    )
    page.goto("/")

    for link in page.locator(".recent a").all():
        assert link.bounding_box()["height"] < 30  # pixels: it is on one line
    look()


def test_the_button_that_cancels_a_job_is_beside_its_state(
    page: Page, look, rows, run_of, probe
):
    run = run_of("commands/Probe", rows(1))
    page.goto(f"/commands/run/of/job/{run.jobs.get().pk}/")

    state = page.locator("#job .badge").bounding_box()
    button = page.locator("#job button").bounding_box()

    assert button["y"] < state["y"] < button["y"] + button["height"]
    look()


STYLE = "(element, name) => getComputedStyle(element)[name]"
HEADS = """
[...document.querySelectorAll('fieldset > .fieldset-heading, summary')].map(
  (head) => getComputedStyle(head).backgroundColor + getComputedStyle(head).borderColor
)
"""


def test_what_django_draws_looks_like_the_rest(page: Page, look, rows):
    [tenant] = rows(1)

    page.goto(f"/tenants/tenant/{tenant.pk}/change/")
    heads = page.evaluate(HEADS)
    link = page.locator(".object-tools a").first.evaluate(STYLE, "backgroundColor")
    button = page.locator(".buttons .button").first.evaluate(STYLE, "backgroundColor")
    look()
    page.context.clear_cookies()
    page.goto("/login/")

    assert len(heads) == 4 and len({*heads}) == 1
    assert link == button
    assert page.locator("[type=submit]").evaluate(STYLE, "textTransform") == "none"


def test_an_address_stands_below_the_name(page: Page, look, rows):
    User.objects.update(is_superuser=False)
    User.objects.get().user_permissions.set(
        Permission.objects.filter(codename="view_tenant")
    )
    rows(1)

    page.goto("/tenants/tenant/")

    name = page.locator(".field-name a").bounding_box()
    site = page.locator(".field-site a").bounding_box()
    below = site["y"] > name["y"] + name["height"] / 2
    assert not below or site["x"] == name["x"]
    look()


def make_long(tenant: Tenant) -> None:
    host = "lycee-professionnel-de-la-communication-000.academie-de-clermont-ferrand"
    Tenant.objects.filter(pk=tenant.pk).update(
        wwwroot=f"https://{host}.example.org",
        name="Lycée professionnel de la communication et des métiers du bâtiment",
        is_main=True,
    )


def test_a_long_address_is_seen_to_its_end(page: Page, look, rows):
    make_long(rows(1)[0])
    page.goto("/tenants/tenant/")

    cell = page.locator(".field-site").bounding_box()
    table = page.locator("#result_list").bounding_box()

    assert cell["x"] + cell["width"] <= table["x"] + table["width"] + 0.5
    look()


def test_the_confirmation_shows_that_one_is_the_main_tenant(
    page: Page, look, rows, probe
):
    make_long(rows(1)[0])
    choose(page, ["lycee-"], "commands_probe")
    page.click("text=Review for 1 tenant")

    badge = page.locator(".scroll .badge").bounding_box()
    around = page.locator(".scroll").bounding_box()

    assert badge["x"] + badge["width"] <= around["x"] + around["width"]
    look()


def test_what_is_wrong_in_a_network_is_seen_beside_a_long_address(
    page: Page, look, rows
):
    make_long(rows(2)[0])

    page.goto("/commands/run/of/networks/0/")

    table = page.locator(".members")
    assert table.evaluate("table => table.scrollWidth - table.clientWidth") <= 0
    look()
