"""Debian's Chromium, driven by Playwright, on a console that really serves.

The headless shell takes half of the time that all of Chromium would take, which also
draws a window for each context.
"""

import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from functools import cache

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from commands import tasks
from commands.models import Run
from tests.patience import PATIENCE

PROGRAM = "chromium-headless-shell"
RUN = re.compile(r"/run/(\d+)/$")
SHOTS = os.environ.get("VMOODLE_SHOTS", "")  # a directory: keep what was looked at
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
FLAGS += ["--process-per-site"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = shutil.which(PROGRAM)
    assert program, f"{PROGRAM} is not installed: run bin/install --dev"
    # Playwright's loop runs in this thread, where Django would refuse the ORM.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    expect.set_options(timeout=PATIENCE * 1000)
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=program, args=FLAGS)
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture(scope="session")
def window(browser: Browser, live_server) -> Callable[[int, str], BrowserContext]:
    """Return a function that opens a window, or returns that of its kind.

    To open one for each test would start another process, with empty caches.
    """

    @cache
    def opened(width: int, scheme: str) -> BrowserContext:
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,
            base_url=live_server.url,
        )
        context.set_default_timeout(PATIENCE * 1000)
        context.new_page().goto("/static/css/console.css")  # keeps the process
        return context

    return opened


@pytest.fixture(
    params=[(1280, "light"), (390, "dark")], ids=["wide, light", "narrow, dark"]
)
def tab(request, window, transactional_db) -> Iterator[Page]:
    """Return a page of nobody; fail if the browser had to complain."""
    context = window(*request.param)
    made = context.new_page()
    complaints: list[str] = []
    made.on("console", lambda said: complaints.append(f"{said.type}: {said.text}"))
    made.on("pageerror", lambda error: complaints.append(f"error: {error}"))
    made.on(
        "requestfailed", lambda failed: complaints.append(f"error: {failed.failure}")
    )
    yield made
    for shown in context.pages[1:]:
        shown.close()
    context.clear_cookies()
    context.unroute_all()
    bad = [said for said in complaints if said.startswith(("error", "warning"))]
    # A request that the next page cuts off is no failure.
    assert [said for said in bad if "ERR_ABORTED" not in said] == []


@pytest.fixture
def page(tab: Page, live_server) -> Page:
    """Return a page of somebody who is logged in."""
    client = Client()
    client.force_login(User.objects.create_superuser("alice", password="secret"))
    tab.context.add_cookies(
        [
            {"name": name, "value": cookie.value, "url": live_server.url}
            for name, cookie in client.cookies.items()
        ]
    )
    return tab


@pytest.fixture
def rows(rows, blind):
    return rows


@pytest.fixture
def look(tab: Page) -> Callable[[], None]:
    """Return a function that checks what any page must be."""

    def check() -> None:
        tab.wait_for_load_state("load")  # rows may be there before their style is
        wider = tab.evaluate("document.scrollingElement.scrollWidth - innerWidth")
        assert wider <= 0, f"{tab.url} is {wider} pixels too wide"
        assert tab.locator("h1").count() == 1

    return check


@pytest.fixture
def work(tab: Page) -> Callable[..., threading.Thread]:
    """Return a function that does a run's jobs in a thread, as a worker would.

    Not told which, it waits for the page of a run and does that one's: a click may be
    over before what it asks for is done.
    """

    def lane(run: int) -> None:
        try:
            tasks.lane(run)
        finally:
            connection.close()

    def shown() -> int:
        tab.wait_for_url(RUN)
        found = RUN.search(tab.url)
        assert found
        return int(found[1])

    def start(run: Run | None = None) -> threading.Thread:
        thread = threading.Thread(target=lane, args=[run.pk if run else shown()])
        thread.start()
        return thread

    return start


def choose(page: Page, names: list[str], action: str) -> None:
    page.goto("/tenants/tenant/")
    for name in names:
        page.locator("#result_list tr", has_text=name).locator("input").check()
    page.select_option("select[name=action]", action)
    page.click("button[name=index]")
    page.wait_for_url(re.compile("/commands/"))  # and for its scripts


def shoot(page: Page, name: str) -> None:
    if SHOTS:
        width = page.viewport_size["width"]
        page.screenshot(path=f"{SHOTS}/{name}-{width}.png", full_page=True)
