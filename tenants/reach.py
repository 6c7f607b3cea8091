"""Whether chosen tenants can be reached at all: their code, and their databases."""

from collections.abc import Sequence

from tenants import moodledb
from tenants.models import Tenant
from tenants.moodledb import MoodleDbError


def check_reach(tenants: Sequence[Tenant]) -> None:
    """Refuse tenants without a code tree, or if no database server answers at all.

    If only some servers are out of reach, their tenants' jobs fail and say so.
    """
    for release in {tenant.release for tenant in tenants}:
        release.read_version()
    failures: list[MoodleDbError] = []
    for server in (servers := {tenant.server for tenant in tenants}):
        try:
            moodledb.wait_until_up(server, 0)
        except MoodleDbError as error:
            failures.append(error)
    if servers and len(failures) == len(servers):
        raise failures[0]
