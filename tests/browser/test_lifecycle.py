"""A tenant's life in a browser: made, snapshotted, and destroyed."""

import pytest
from playwright.sync_api import Page, expect

from tenants.backup import snapshots
from tenants.models import Tenant
from tests.commands.lifecycle.conftest import db_name, settled  # noqa: F401
from tests.steps import end

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
]


def test_a_tenant_from_its_beginning_to_its_end(
    page: Page,
    look,
    work,
    tenant: Tenant,
    settled,  # noqa: F811
):
    end(snapshots.take(tenant, template=True, note="as new"))
    end(snapshots.take(tenant, note="before the exams"))
    page.goto("/tenants/tenant/")
    page.click("text=Add tenant")
    expect(page.locator("h1")).to_contain_text("New tenant")
    look()
    expect(page.locator("#id_template")).to_be_visible()
    expect(page.locator("#id_source")).to_be_hidden()
    page.check("text=By Moodle's installer")
    expect(page.locator("#id_template")).to_be_hidden()
    page.check("text=From a template")
    page.fill("#id_wwwroot", "https://new.example.org")
    page.fill("#id_name", "New School")
    page.fill("#id_shortname", "one")
    page.fill("#id_db_name", db_name("new"))
    page.click("text=Make the tenant")
    expect(page.locator("[role=alert]")).to_contain_text("Nothing was made")
    expect(page.locator(".errorlist").first).to_contain_text(
        "Another tenant has this short name"
    )
    look()
    page.fill("#id_shortname", "new")
    page.check("#id_force_dns")
    page.click("text=Only check")
    expect(page.locator("pre.shell")).to_contain_text("createnode --host=https://new")
    look()
    page.click("text=Make the tenant")
    expect(page.locator("h1")).to_contain_text("Running")
    work().join()
    expect(page.locator("h1")).to_contain_text("Finished")
    look()
    new = Tenant.objects.get(shortname="new")
    assert new.enabled

    page.goto("/tenants/snapshot/")
    look()
    page.locator("#result_list tr", has_text="before the exams").locator(
        "input"
    ).check()
    page.select_option("select[name=action]", "test")
    page.click("button[name=index]")
    expect(page.locator("h1")).to_contain_text("on this tenant?")
    look()
    page.click("text=Run on 1 tenant")
    work().join()
    expect(page.locator("h1")).to_contain_text("Finished")
    page.goto("/tenants/snapshot/?verified=yes")
    expect(page.locator("#result_list")).to_contain_text("before the exams")
    page.click("#result_list tbody th a")
    expect(page.locator("h1")).to_contain_text("Change snapshot")
    look()

    page.goto(f"/tenants/tenant/{new.pk}/change/")
    look()
    page.click("text=Destroy …")
    expect(page.locator("#content")).to_contain_text("https://new.example.org")
    page.check("#id_now")
    page.check("#id_without_snapshot")
    page.click("text=Review for 1 tenant")
    expect(page.locator("#typed")).to_be_visible()
    look()
    page.fill("#typed", "1")
    page.click("text=Run on 1 tenant")
    expect(page.locator("#typed_error")).to_contain_text("Type https://new.example.org")
    expect(page.locator("#typed")).to_be_focused()
    page.fill("#typed", "https://new.example.org")
    page.click("text=Run on 1 tenant")
    work().join()
    expect(page.locator("h1")).to_contain_text("Finished")
    assert not Tenant.objects.filter(shortname="new").exists()
