from commands.base import NothingToDo, Steps, register
from commands.mnet.node import MnetCommand
from mnet import repair
from tenants import moodledb
from tenants.models import Tenant


@register
class FixMnetTables(MnetCommand):
    """Mend the MNet tables of a site: rows that are there twice, and rows of nothing.

    Services and functions that were stored more than once become one, which has all
    that theirs had; what refers to none any more is removed. All or nothing.

    Takes no parameters.
    """

    def run(self, tenant: Tenant) -> Steps:
        found = repair.faults(tenant)
        if not found:
            raise NothingToDo("its MNet tables are in order")
        yield from (f"{what}: {number}" for what, number in found.items())
        moodledb.together({tenant.server: list(repair.mending(tenant))})
        return {"mended": found}

    def recover(self, tenant: Tenant) -> None:
        """Nothing is left behind: it was one transaction."""
