from collections.abc import Sequence

from commands.base import Command, CommandFailed, Json, NothingToDo, Steps, register
from commands.mnet.init_mnet_node import InitMnetNode
from mnet import networks, sites
from tenants import checks
from tenants.errors import VMoodleError
from tenants.lifecycle import provision
from tenants.models import Journal, Tenant


@register
class Create(Command):
    """Make the tenant, as it was planned when it was entered in the registry.

    Use `createnode` in the shell: it checks everything, enters the tenant and starts
    this. When a step fails, all is undone, and the tenant leaves the registry. Then it
    is bound to its MNet network, if MNet is on there. That it could not be bound, or
    that its login page does not answer, is a warning in the result.
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
        warnings: list[str] = []
        bound = yield from self._bind(journal.tenant, warnings)
        if plan["enabled"] and not plan["check_login"]:
            found = checks.login_page(journal.tenant)
            if found.state != checks.OK:
                warnings.append(found.sentence)
                yield f"Warning: {found}"
        result: dict[str, Json] = {
            "wwwroot": tenant.wwwroot,
            "database": tenant.db_name,
        }
        result |= {"mnet": bound} if bound else {}
        return result | ({"warning": "; ".join(warnings)} if warnings else {})

    def _bind(self, tenant: Tenant, warnings: list[str]) -> Steps:
        """Bind it to its network; return what was changed, add what went wrong."""
        try:
            bound = yield from self._join(tenant)
            if isinstance(bound, dict) and "warning" in bound:
                warnings.append(str(bound["warning"]))
            return bound
        except NothingToDo as nothing:
            yield f"MNet: {nothing}"
        except VMoodleError as error:
            mend = f"run init_mnet_node --host={tenant.wwwroot}"
            warnings.append(f"it is not bound to its MNet network: {error}; {mend}")
            yield f"Warning: {warnings[-1]}"
        return None

    def _join(self, tenant: Tenant) -> Steps:
        """Do what InitMnetNode does, if MNet is on at any other site of its network."""
        ready = Tenant.objects.with_edges().exclude(journal__work=provision.WORK)
        others = [one for one in ready if networks.kind_of(tenant, one)]
        if not others:
            return None
        if why := sites.lacks_mnet(tenant.release):
            raise NothingToDo(why)
        able = [one for one in others if not sites.lacks_mnet(one.release)]
        known = list(sites.read(able, about=[]).values())
        if not any(site.on for site in known):
            if known and all(site.problem for site in known):
                raise CommandFailed(known[0].problem)
            raise NothingToDo("it is on at no other site of its network")
        return (yield from InitMnetNode.within(self).run(tenant))

    def recover(self, tenant: Tenant) -> None:
        if left := provision.recover(tenant):
            raise CommandFailed(left)
