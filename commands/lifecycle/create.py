from collections.abc import Sequence

from commands.base import Command, CommandFailed, NothingToDo, Steps, register
from tenants import checks, provision
from tenants.models import Journal, Tenant


@register
class Create(Command):
    """Make the tenant, as it was planned when it was entered in the registry.

    Use `createnode` in the shell: it checks everything, enters the tenant and starts
    this. When a step fails, all is undone, and the tenant leaves the registry. That its
    login page does not answer is a warning in the result.
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
        plan = journal.plan
        yield from provision.create(journal, self.job)
        result = {"wwwroot": tenant.wwwroot, "database": tenant.db_name}
        if plan["enabled"] and not plan["check_login"]:
            found = checks.login_page(journal.tenant, provision.PATIENCE)
            if found.state != checks.OK:
                result["warning"] = found.sentence
                yield f"Warning: {found}"
        return result

    def recover(self, tenant: Tenant) -> None:
        if left := provision.recover(tenant):
            raise CommandFailed(left)
