"""The pages of MNet in a browser: what is wrong is seen, and one button mends it."""

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from commands.models import Run
from mnet.models import WebPhp
from tests.mnet import tables
from tests.mnet.conftest import bind, network, with_mnet

__all__ = ["network", "with_mnet"]
pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def test_a_network_is_looked_at_and_mended(page: Page, look, network):  # noqa: F811
    main, one, two = tenants = network(3)
    bind(tenants)
    tables.spoil(two, "UPDATE {mnet_host} SET deleted = 1 WHERE id = 3")
    WebPhp.objects.create(tenant=main, opens="no", at=timezone.now())

    page.goto("/")
    page.click("nav >> text=MNet")
    look()
    page.click("text=Service strategies")
    look()
    page.go_back()
    page.click("text=Sub-network 1")
    look()
    expect(page.locator("body")).to_contain_text(f"does not know {main}")
    expect(page.locator("pre.shell").first).to_contain_text("OPENSSL_CONF=")
    row = page.locator(".members tr", has=page.get_by_text("Main", exact=True))
    expect(row).to_contain_text("its PHP opens no message of MNet")
    page.click("text=Repair")
    look()
    run = Run.objects.get()
    assert (run.command, run.targets) == ("mnet/InitMnetNode", [two.pk])
    page.goto(f"/tenants/tenant/{one.pk}/change/")
    page.click("text=Network …")
    look()
    assert page.url.endswith("/launch/")
