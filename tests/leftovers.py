"""What tests leave on the database server that they share."""

from collections.abc import Iterator

from tenants import moodledb
from tenants.models import DatabaseServer


def dropped(server: DatabaseServer) -> Iterator[None]:
    """Drop the databases that are made until this goes on: for `yield from`."""
    former = set(moodledb.query(server, "SHOW DATABASES"))
    yield
    for (name,) in set(moodledb.query(server, "SHOW DATABASES")) - former:
        moodledb.execute(server, f"DROP DATABASE `{name}`")
