"""A tenant that is to be made, and what must be left of it: of all, or of nothing."""

import os
from pathlib import Path

from tenants import agent, moodledb
from tenants.backup import snapshots
from tenants.forms import NewTenantForm
from tenants.lifecycle import databases, provision
from tenants.models import Journal, Snapshot, Tenant
from tenants.serving import publish
from tests.steps import end

POOL = "filedir/da/39/da39a3ee5e6b4b0d3255bfef95601890afd80709"
NEW = {
    "wwwroot": "https://new.example.org",
    "name": "New 'School' é",
    "shortname": "new",
    "force_dns": "1",
}


def answered(monkeypatch) -> list[tuple[str, dict]]:
    """Let the agent of a site answer at once; return what it is asked for."""
    asked: list[tuple[str, dict]] = []

    def ask(tenant, operation, given, **_job):
        asked.append((operation, dict(given)))
        yield None
        return {"wwwroot": tenant.wwwroot}

    monkeypatch.setattr(agent, "ask", ask)
    return asked


def planned(config=None, **given) -> Tenant:
    """Return a tenant that is entered in the registry, to be made."""
    form = NewTenantForm(NEW | {"db_name": db_name()} | given, config=config)
    assert form.is_valid(), form.errors
    return provision.reserve(form.save(commit=False), form.plan())


def db_name() -> str:
    return f"new_{os.getpid()}"


def made(tenant: Tenant) -> Tenant:
    end(provision.create(provision.unfinished(tenant)))
    return Tenant.objects.with_edges().get(pk=tenant.pk)


def config(tenant: Tenant, *names: str) -> dict[str, str]:
    return moodledb.config_of(tenant, names)


STEPS = [
    "enter it in the registry",
    "copy the source",
    "make the database",
    "make the account",
    "load the site",
    "make it a site of its own",
    "lay out the data files",
    "settle in Moodle",
    "open the site",
]


def assert_nothing_left() -> None:
    assert not Tenant.objects.filter(shortname="new").exists()
    assert not Journal.objects.exists()
    server = Tenant.objects.with_edges().get().server
    assert databases.marked(server, "vmoodle") == {}
    assert not databases.has_account(server, "vm_new")
    root = Path(provision.snapshots.settings.VMOODLE_DATA_ROOT)
    assert [path.name for path in root.iterdir()] == ["one"]
    assert not publish.boot_file("new.example.org").exists()
    assert not publish.site_link("new.example.org").is_symlink()
    assert not list(snapshots.begun())
    assert not Snapshot.objects.filter(reason=Snapshot.Reason.COPY).exists()
