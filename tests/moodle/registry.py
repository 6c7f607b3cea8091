"""Steps that need the registry itself, each in a process of its own.

    python -m tests.moodle.registry STEP WORD...

The database accounts and directories are those of tests/moodle/conftest.py.
"""

import sys

import django

django.setup()

from tenants import moodledb  # noqa: E402
from tenants.adopt import adopt  # noqa: E402
from tenants.models import DatabaseServer, Release, Tenant  # noqa: E402
from tests.moodle.fleet import url  # noqa: E402


def fill(home: str, socket: str, password: str) -> None:
    """Register one server and the three releases."""
    DatabaseServer.objects.create(
        name="db", socket=socket, admin_user="vmoodle", admin_password=password
    )
    for name in ("old", "new", "broken"):
        release = Release(name=name, path=f"{home}/trees/{name}")
        release.full_clean()
        release.refresh()
        adopt(release)


def register(name: str, data: str, password: str) -> None:
    """Register a tenant without a site on the older release."""
    tenant = Tenant(
        wwwroot=url(name),
        name=f"{name.title()} School",
        shortname=name,
        release=Release.objects.get(name="old"),
        server=DatabaseServer.objects.get(),
        db_name=f"moodle_{name}",
        db_user="vmoodle",
        db_password=password,
        data_path=data,
    )
    tenant.full_clean()
    tenant.save()
    moodledb.execute(tenant.server, f"CREATE DATABASE {tenant.db_name}")


def pin(name: str, release: str) -> None:
    tenant = Tenant.objects.with_edges().get(shortname=name)
    tenant.pin(Release.objects.get(name=release))


step, *words = sys.argv[1:]
{"fill": fill, "register": register, "pin": pin}[step](*words)
