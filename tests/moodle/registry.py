"""Steps that need the registry itself, in a process of its own.

Reads a list of words in JSON from each line, does that step, and answers with a line:
an empty string in JSON, or what went wrong.

The database accounts and directories are those of tests/moodle/conftest.py.
"""

import json
import sys
import traceback

import django

django.setup()

from django.db import connection  # noqa: E402

from tenants import moodledb  # noqa: E402
from tenants.models import DatabaseServer, Release, Tenant  # noqa: E402
from tenants.serving.adopt import adopt  # noqa: E402
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


STEPS = {"fill": fill, "register": register, "pin": pin}


def done(step: str, *words: str) -> str:
    try:
        STEPS[step](*words)
    except Exception:
        return traceback.format_exc()
    finally:
        connection.close()
    return ""


for line in sys.stdin:
    print(json.dumps(done(*json.loads(line))), flush=True)  # noqa: T201
