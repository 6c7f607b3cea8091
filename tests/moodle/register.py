"""Fill an empty registry: one server, two releases, tenants on the older.

python register.py SOCKET PASSWORD OLD_TREE NEW_TREE DATA_DIRECTORY NAME...
"""

import sys

import django

django.setup()

from tenants import moodledb  # noqa: E402
from tenants.adopt import adopt  # noqa: E402
from tenants.models import DatabaseServer, Release, Tenant  # noqa: E402

socket, password, old, new, data, *names = sys.argv[1:]
account = {"admin_user": "vmoodle", "admin_password": password}
server = DatabaseServer.objects.create(name="db", socket=socket, **account)
for name, path in (("old", old), ("new", new)):
    release = Release(name=name, path=path)
    release.full_clean()
    release.refresh()
    adopt(release)
for name in names:
    moodledb.execute(server, f"DROP DATABASE IF EXISTS moodle_{name}")
    moodledb.execute(
        server,
        f"CREATE DATABASE moodle_{name} CHARACTER SET utf8mb4"
        " COLLATE utf8mb4_unicode_ci",
    )
    tenant = Tenant(
        wwwroot=f"http://{name}.example.org",
        name=f"{name.title()} School",
        shortname=name,
        release=Release.objects.get(name="old"),
        server=server,
        db_name=f"moodle_{name}",
        db_user="vmoodle",
        db_password=password,
        data_path=f"{data}/{name}",
    )
    tenant.full_clean()
    tenant.save()
