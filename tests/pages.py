"""What tests send to the console's pages, and read on them."""

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from commands.models import Run
from tenants.models import Tenant

LIST = "/tenants/tenant/"
SECRET = "db_password"


@pytest.fixture
def console(db) -> Client:
    """Return the client of somebody who may do everything."""
    client = Client()
    client.force_login(User.objects.create_superuser("alice"))
    return client


@pytest.fixture
def blind(monkeypatch) -> None:
    """Let the console start runs on tenants that are rows only."""
    monkeypatch.setattr("commands.console.views.check_reach", lambda tenants: None)


def text(answer) -> str:
    """Return a page as text, with its tags."""
    return re.sub(r"\s+", " ", answer.content.decode())


def filled(tenant: Tenant, **changes) -> dict[str, object]:
    """Return what the form of a tenant sends."""
    fields = {
        "wwwroot": tenant.wwwroot,
        "name": tenant.name,
        "shortname": tenant.shortname,
        "release": tenant.release_id,
        "enabled": "on",
        "data_path": tenant.data_path,
        "server": tenant.server_id,
        "db_type": "mariadb",
        "db_name": tenant.db_name,
        "db_prefix": "mdl_",
        "db_user": tenant.db_user,
        "db_password": "",
        "network": "0",
        "forced_settings": "{}",
        "metadata": "{}",
        "attention": tenant.attention,
    }
    # As the page has them, hidden.
    shown = {f"initial-{name}": fields[name] for name in fields.keys() - {SECRET}}
    return fields | shown | {"initial-enabled": tenant.enabled} | changes


def prepared(console: Client, tenants: list[Tenant], action="commands_probe") -> Run:
    """Choose tenants and an action in the list; return the draft it makes."""
    answer = console.post(
        LIST, {"action": action, "_selected_action": [tenant.pk for tenant in tenants]}
    )
    assert answer.status_code == 302, answer.content
    return Run.objects.get(state=Run.State.DRAFT)


def url(page: str, pk: int) -> str:
    """Return the address of a page about a run or a job."""
    return reverse(f"admin:commands_{page}", args=[pk])
