"""Many sites side by side, in a browser."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from commands.models import Run
from tenants import moodledb, php
from tenants.models import Tenant

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
]
PAGE = "/commands/run/of/compare/plugins/Compare/"
# Whether what stays in place while the page is scrolled leaves the focus to be seen.
UNCOVERED = """() => {
  const at = document.activeElement, box = at.getBoundingClientRect();
  const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
  return at.contains(top);
}"""
KINDS = ("auth", "block", "enrol", "mod", "qtype", "report")


@pytest.fixture
def compared(rows, monkeypatch) -> Callable[[int], list[Tenant]]:
    """Return a function that makes tenants; every tenth differs, the last is away."""

    def each(tenants, parts):
        return {tenant.pk: answer(tenant) for tenant in tenants}

    def answer(tenant: Tenant) -> moodledb.Rows | moodledb.MoodleDbError:
        number = int(tenant.shortname[1:])
        if number and number == Tenant.objects.count() - 1 and number > 1:
            return moodledb.MoodleDbError("database server db1: it is away")
        names = [(kind, f"plugin{n}") for kind in KINDS for n in range(70)]
        found: moodledb.Rows = [("config", "", "auth", "plugin1,plugin2")]
        for at, (kind, name) in enumerate(names):
            if number % 10 == 1 and at % 41 == 0:
                continue
            found.append(("config", f"{kind}_{name}", "version", "2023100900"))
            off = number % 10 == 1 and at % 17 == 0
            found += [(kind, "", name, str(int(not off)))] * (kind in {"block", "mod"})
        return found

    def make(number: int) -> list[Tenant]:
        made = rows(number)
        Tenant.objects.filter(pk=made[0].pk).update(is_main=True)
        return made

    monkeypatch.setattr(moodledb, "each", each)
    monkeypatch.setattr(php, "versions", lambda *_release: {})
    return make


@pytest.mark.parametrize("number", [2, 40, 300])
def test_the_matrix_of_many_sites_fits_any_page(page: Page, look, compared, number):
    compared(number)

    for query in ("", "?alike=1", "?alike=1&all=1"):
        page.goto(PAGE + query)
        look()
    heads = page.locator("#matrix thead th")
    expect(heads).to_have_count(number)
    # The head and the names stay while the table is scrolled.
    matrix = page.locator("#matrix")
    matrix.scroll_into_view_if_needed()
    matrix.evaluate("(e) => e.scrollTo(e.scrollWidth, e.scrollHeight)")
    expect(page.locator("#matrix tbody tr").last.locator("th")).to_be_in_viewport()
    expect(heads.last).to_be_in_viewport()


def test_picked_cells_are_copied_by_mouse_and_keyboard(page: Page, look, compared):
    compared(40)
    page.goto(PAGE)
    go, number = page.locator("#go"), page.locator("#number")
    expect(go).to_be_disabled()

    first = page.locator("#matrix .pick").first
    first.click()
    expect(first).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    expect(number).to_have_text("2")
    page.keyboard.press("Space")
    expect(number).to_have_text("1")
    assert page.evaluate(UNCOVERED)
    row = page.locator("#matrix tbody tr").filter(has=page.locator(".pick")).first
    row.locator(".pick-row").click()
    expect(number).to_have_text("4")
    look()
    go.click()

    expect(page.locator("h1")).to_contain_text("Run plugins/Sync on these 4 tenants?")
    look()
    cells = Run.objects.get().form().cleaned_data["cells"]
    assert {len(rows) for rows in cells.values()} == {1}
    assert len(cells) == 4


def test_rows_are_found_while_typing(page: Page, look, compared):
    compared(40)
    page.goto(PAGE)

    page.fill("#q", "mod plugin")

    shown = page.locator("#matrix tbody tr:visible th")
    assert shown.count() > 0
    assert all(text.strip(" ▸").startswith("mod/") for text in shown.all_inner_texts())
    expect(page.locator("#nothing")).to_be_hidden()
    page.fill("#q", "mod no such plugin")
    expect(page.locator("#nothing")).to_be_visible()


def test_another_site_becomes_the_reference_by_a_click(page: Page, look, compared):
    compared(2)
    page.goto(PAGE)

    page.click("#matrix thead th:last-child .host")

    expect(page.locator("#matrix thead th").first).to_contain_text("t1.example.org")
    look()
