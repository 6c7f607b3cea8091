"""What tests leave on the database server that they share."""

from collections.abc import Iterator

from django.utils import timezone

from tenants import moodledb
from tenants.lifecycle import doctor
from tenants.models import DatabaseServer, Journal


def dropped(server: DatabaseServer) -> Iterator[None]:
    """Drop the databases that are made until this goes on: for `yield from`."""
    former = set(moodledb.query(server, "SHOW DATABASES"))
    yield
    for (name,) in set(moodledb.query(server, "SHOW DATABASES")) - former:
        moodledb.execute(server, f"DROP DATABASE `{name}`")


def let_it_be_old() -> None:
    """Let what was entered in the registry have been there for a while."""
    entered = timezone.now() - doctor.ENTERED
    Journal.objects.update(created_at=entered)
