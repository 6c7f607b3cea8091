"""SQL from the list of tenants to the table of all their rows, in a browser."""

import csv
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tenants import moodledb
from tests.browser.conftest import choose, shoot

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
]
ROWS = """
SELECT p.id AS id, p.name AS fullname, p.points AS `points so far`, p.note AS `a note`
FROM {pupil} p WHERE p.points > :least ORDER BY p.id
"""


def open_command(page: Page, names: list[str], words: str) -> None:
    choose(page, [f"{name}.example.org" for name in names], "any_command")
    page.fill("#filter", words)
    page.locator(".choice:visible").first.click()


@pytest.fixture
def schools(add_tenant) -> list[str]:
    """Return the names of two tenants with pupils."""
    for name in ("north", "south"):
        tenant = add_tenant(name, install=False)
        table = moodledb.table(tenant, "pupil")
        for sql in (
            f"CREATE TABLE {table} (id INT, name TEXT, points DECIMAL(9,2), note TEXT)",
            f"INSERT INTO {table} VALUES (1, 'Ann O\\'Hara', 12.5, NULL),"
            " (2, '<b>Bob</b>', 7, REPEAT('long words ', 40)), (3, 'Zoë', 100, '=1+1')",
        ):
            moodledb.execute(tenant.server, sql)
    return ["north", "south"]


def test_rows_of_all_tenants_are_seen_sorted_and_taken_away(
    page: Page, look, work, schools, tmp_path: Path
):
    open_command(page, schools, "one sql statement")
    page.fill("#id_sql", ROWS.replace("{pupil}", "{sessions}"))
    page.fill("#id_parameters", "least=5")
    page.click("text=Review for 2 tenants")
    expect(page.locator(".errorlist")).to_contain_text("{sessions} is out of bounds")
    look()
    shoot(page, "sql-form")
    page.fill("#id_sql", ROWS)
    page.click("text=Review for 2 tenants")
    look()
    shoot(page, "sql-confirm")
    page.click("text=Run on 2 tenants")
    work().join()

    expect(page.locator("h1")).to_contain_text("Finished")
    look()
    shoot(page, "sql-run")
    page.click("text=Results >> visible=true")
    expect(page.locator("tbody tr")).to_have_count(6)
    look()
    shoot(page, "results")
    page.click("thead >> text=points so far")
    expect(page.locator("tbody tr").first).to_contain_text("<b>Bob</b>")
    expect(page.locator("[aria-sort=ascending]")).to_contain_text("points")
    page.fill("input[name=q]", "zoë")
    page.click("text=Filter")
    expect(page.locator("tbody tr")).to_have_count(2)
    look()
    with page.expect_download() as download:
        page.click("text=CSV")
    taken = tmp_path / "taken.csv"
    download.value.save_as(taken)
    rows = list(csv.reader(taken.read_text("utf-8-sig").splitlines()))
    assert rows[1][1:] == ["3", "Zoë", "100.00", "'=1+1"]
    page.click("text=Show all")
    page.click("text=By tenant")
    expect(page.locator("h2 >> text=example.org")).to_have_count(2)
    page.locator("summary").first.click()
    look()
    shoot(page, "results-by-tenant")


def test_writing_wants_the_number_of_tenants_typed(page: Page, look, work, schools):
    open_command(page, schools, "several sql statements")
    page.fill(
        "#id_sql",
        "UPDATE {pupil} SET points = 0 WHERE id = 1; DELETE FROM {pupil} WHERE id > 1",
    )
    page.click("text=Review for 2 tenants")
    expect(page.locator(".errorlist")).to_contain_text("UPDATE {pupil} changes data")
    page.check("#id_write")
    page.click("text=Review for 2 tenants")
    expect(page.locator("#typed")).to_be_visible()
    look()
    shoot(page, "sql-write-confirm")
    page.fill("#typed", "2")
    page.click("text=Run on 2 tenants")
    work().join()

    expect(page.locator("h1")).to_contain_text("Finished")
    page.click("text=Results >> visible=true")
    expect(page.locator("tbody tr")).to_have_count(4)
    expect(page.locator("tbody tr").nth(1)).to_contain_text("DELETE {pupil}")
    look()
    shoot(page, "results-write")
