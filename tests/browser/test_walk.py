"""What an operator does all day, in a browser."""

import re
import threading

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from commands.base import CommandFailed
from tenants.models import Tenant
from tests.browser.conftest import choose

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
]


def test_who_comes_logs_in_first(tab: Page, look):
    User.objects.create_superuser("alice", password="secret")
    tab.goto("/tenants/tenant/")
    tab.fill("#id_username", "alice")
    tab.fill("#id_password", "wrong")
    tab.click("input[type=submit]")
    expect(tab.locator(".errornote")).to_be_visible()

    tab.fill("#id_password", "secret")
    tab.click("input[type=submit]")

    expect(tab.locator("h1")).to_contain_text("Tenants")
    expect(tab).to_have_url(re.compile("/tenants/tenant/$"))
    look()


def test_from_the_list_to_the_end_of_a_run(page: Page, look, work, add_tenant):
    add_tenant("one")
    add_tenant("two", "4.3")
    page.goto("/")
    look()

    choose(page, ["one.example.org", "two.example.org"], "upgrade_upgrade")
    look()
    page.select_option("#id_to_release", "4.3")
    page.click("text=Review for 2 tenants")
    look()
    expect(page.locator("pre.shell")).to_contain_text(
        "manage.py bulkupgrade --tohosts="
    )
    page.click("text=Run on 2 tenants")
    expect(page.locator("h1")).to_contain_text("Running")
    look()
    work().join()

    expect(page.locator("h1")).to_contain_text("Finished")
    expect(page.locator("#live")).to_contain_text("1 Succeeded")
    expect(page.locator("#live")).to_contain_text("1 Skipped")
    look()
    page.click(".jobs >> text=one.example.org")
    expect(page.locator("#log")).to_contain_text("-->mod_forum")
    look()
    assert Tenant.objects.get(shortname="one").release.name == "4.3"


def test_another_command_is_found_by_its_words(page: Page, look, rows):
    rows(1)
    choose(page, ["t0.example.org"], "any_command")
    look()

    page.fill("#filter", "generic setconfig")
    expect(page.locator(".choice:visible")).to_have_count(1)
    look()
    page.press("#filter", "Enter")

    expect(page.locator("#id_key")).to_be_visible()
    look()


def test_a_failure_is_seen_at_once_and_retried(page: Page, look, work, rows, probe):
    go_on = threading.Event()

    def fail(_command):
        yield "Plugin mod_board is defective"
        raise CommandFailed("the plugin mod_board is defective")

    def wait(_command):
        while not go_on.is_set():
            yield None
            go_on.wait(0.1)

    rows(3)
    probe.script = {"t0": fail, "t1": wait}
    choose(
        page, ["t0.example.org", "t1.example.org", "t2.example.org"], "commands_probe"
    )
    page.click("text=Review for 3 tenants")
    page.click("text=Run on 3 tenants")
    thread = work()

    first = page.locator(".jobs tbody tr").first
    expect(first).to_contain_text("the plugin mod_board is defective")
    expect(page.locator("pre.tail")).to_contain_text("Plugin mod_board is defective")
    look()
    go_on.set()
    thread.join()
    expect(page.locator("h1")).to_contain_text("failures")
    del probe.script["t0"]
    page.click("text=Retry the failed")
    expect(page.locator("h1")).to_contain_text("on this tenant?")
    page.click("text=Run on 1 tenant")
    work().join()
    expect(page.locator("h1")).to_contain_text("Finished")


def test_a_running_run_is_cancelled(page: Page, look, work, rows, probe):
    def wait_for_ever(_command):
        while True:
            yield None
            threading.Event().wait(0.1)

    rows(2)
    probe.script = {"t0": wait_for_ever}
    choose(page, ["t0.example.org", "t1.example.org"], "commands_probe")
    page.click("text=Review for 2 tenants")
    page.click("text=Run on 2 tenants")
    thread = work()
    expect(page.locator("#live")).to_contain_text("1 Running")

    page.click("text=Cancel the run")
    thread.join()

    expect(page.locator("h1")).to_contain_text("Stopped")
    expect(page.locator("#live")).to_contain_text("cancelled by alice")


def test_the_log_of_a_running_job_follows(page: Page, look, work, rows, probe):
    go_on = threading.Event()

    def talk(_command):
        yield from (f"line {number}" for number in range(200))
        while not go_on.is_set():
            yield None
            go_on.wait(0.1)
        yield "the last line"

    rows(1)
    probe.script = {"t0": talk}
    choose(page, ["t0.example.org"], "commands_probe")
    page.click("text=Review for 1 tenant")
    page.click("text=Run on 1 tenant")
    thread = work()
    page.click(".jobs >> text=t0.example.org")
    expect(page.locator("#log")).to_contain_text("line 199")

    go_on.set()
    thread.join()

    expect(page.locator("#log")).to_contain_text("the last line")
    at_end = "log.scrollHeight - log.scrollTop - log.clientHeight < 40"
    assert page.evaluate(f"{{ const log = document.getElementById('log'); {at_end} }}")
    look()


def test_a_refused_form_says_why(page: Page, look, rows):
    rows(1)
    choose(page, ["t0.example.org"], "generic_maintenance")
    page.check("#id_enable")
    page.check("#id_disable")

    page.click("text=Review for 1 tenant")

    expect(page.locator(".errorlist").first).to_contain_text("Choose one of")
    look()


@pytest.mark.parametrize(
    "path",
    [
        "/tenants/tenant/add/",
        "/tenants/release/",
        "/tenants/release/add/",
        "/tenants/databaseserver/",
        "/tenants/databaseserver/add/",
        "/tenants/tag/",
        "/commands/run/",
        "/auth/user/",
    ],
)
def test_every_other_page_fits(page: Page, look, rows, path):
    rows(2)

    page.goto(path)

    look()
