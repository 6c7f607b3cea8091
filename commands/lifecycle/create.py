from collections.abc import Sequence

from commands.base import Command, CommandFailed, NothingToDo, Steps, register
from tenants import provision
from tenants.models import Journal, Tenant


@register
class Create(Command):
    """Make the tenant, as it was planned when it was entered in the registry.

    Use `createnode` in the shell: it checks everything, enters the tenant and starts
    this. When a step fails, all is undone, and the tenant leaves the registry.
    """

    heals = True

    def skips(self, tenants: Sequence[Tenant]) -> dict[int, str]:
        planned = Journal.objects.filter(tenant__in=tenants, work=provision.WORK)
        unfinished = set(planned.values_list("tenant_id", flat=True))
        return {
            tenant.pk: "it has been made"
            for tenant in tenants
            if tenant.pk not in unfinished
        }

    def run(self, tenant: Tenant) -> Steps:
        journal = provision.unfinished(tenant)
        if journal is None:
            raise NothingToDo("it has been made")
        if journal.begun != [provision.ENTER]:
            raise CommandFailed(
                "its creation was cut off: run manage.py doctor --fix and begin anew"
            )
        yield from provision.create(journal, self.job)
        return {"wwwroot": tenant.wwwroot, "database": tenant.db_name}

    def recover(self, tenant: Tenant) -> None:
        if left := provision.recover(tenant):
            raise CommandFailed(left)
