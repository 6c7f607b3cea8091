from collections.abc import Sequence

from commands.base import Command, CommandFailed, Steps, register
from commands.upgrade.status import Status, refresh_releases, statuses
from tenants.models import Tenant


@register
class CheckStatus(Command):
    """Tell whether the site fits the code of its release.

    Reads the site's database; changes nothing, starts no PHP.
    """

    exclusive = False
    frequent = True

    def skips(self, tenants: Sequence[Tenant]) -> dict[int, str]:
        refresh_releases(tenants)
        return {}

    def run(self, tenant: Tenant) -> Steps:
        site = statuses([tenant])[tenant.pk]
        if site.status == Status.UNKNOWN:
            raise CommandFailed(site.problem)
        yield f"{site.status.label}: {site.release or 'no Moodle'} ({site.version})"
        yield f"Code of release {tenant.release}: {tenant.release.version}"
        return {
            "status": site.status.value,
            "version": site.version,
            "code_version": tenant.release.version,
        }
