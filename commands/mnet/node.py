"""The base of commands for MNet: keys, switching on, and what is SKIPPED."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime

from commands.agent import AgentCommand
from commands.base import CommandFailed, Json, NothingToDo, Steps
from mnet import binding, platform, rotation, sites, webphp
from mnet.models import WebPhp
from mnet.sites import Site
from tenants import agent, moodledb
from tenants.models import Tenant
from tenants.php import PhpError


class MnetCommand(AgentCommand):
    """Does something to the MNet of one site, and to what others know of it."""

    frequent = True
    operation = "mnet"

    def skips(self, tenants: Sequence[Tenant]) -> dict[int, str]:
        """Leave out the tenants whose release has no MNet."""
        reasons = {
            release.pk: sites.lacks_mnet(release)
            for release in {tenant.release for tenant in tenants}
        }
        return {t.pk: why for t in tenants if (why := reasons[t.release_id])}

    def site(self, tenant: Tenant) -> Site:
        """Return what the site knows of itself; raise CommandFailed."""
        site = sites.read([tenant], about=[])[tenant.pk]
        if site.problem:
            raise CommandFailed(site.problem)
        return site

    def renew(self, site: Site) -> Steps:
        """Give the site new keys, and all that know it their certificate."""
        self.renewing = True
        renewal = rotation.renew(site, Tenant.objects.with_edges().living())
        yield f"new keys, which serve until {day(renewal.expires)}"
        for other in renewal.told:
            yield f"{other} has the new certificate"
        return {
            "expires": day(renewal.expires),
            "told": [other.wwwroot for other in renewal.told],
        }

    def switch(
        self,
        tenant: Tenant,
        *,
        mode: str = "",
        auth: bool = False,
        roles: Sequence[str] = (),
    ) -> Steps:
        """Do what only Moodle can, and purge what it has cached of MNet.

        Returns the sentences that tell what was changed.
        """
        given = {"mode": mode, "auth": auth, "roles": list(roles)}
        try:
            answer = yield from self.ask(tenant, self.operation, given)
        except NothingToDo:
            return []
        except (PhpError, CommandFailed) as error:
            if not getattr(self, "renewing", False):
                raise
            raise CommandFailed(
                f"{error}; its new keys are stored, but its caches may hold the former"
                " ones: run purge_caches on it"
            ) from error
        assert isinstance(answer, dict)
        changed: Json = answer["changed"]
        return changed

    def web(self, tenant: Tenant) -> Generator[str | None, None, dict[str, Json]]:
        """Tell whether the PHP that serves the site has RC4, by asking the site."""
        yield None
        found = webphp.look(self.site(tenant))
        yield from rows_of(tenant, found)
        told: dict[str, Json] = {"web_opens_rc4": found.opens}
        if found.opens == WebPhp.Opens.NO:
            yield f"Warning: {webphp.NO_RC4}"
            yield from platform.mend(tenant.release.php)
            told["warning"] = webphp.NO_RC4
        return told

    def recover(self, tenant: Tenant) -> None:
        """Let the site see the keys that may have been stored, and all know them.

        A worker may have died when one of two database servers had them already.
        """
        binding.agree(tenant)
        given = {"mode": "", "auth": False, "roles": []}
        with suppress(agent.AgentNothingToDo):
            agent.read(tenant, self.operation, given)


def tell_peers(tenant: Tenant) -> Iterator[str]:
    """Let MNet peers have the keys that are the site's again, and it theirs."""
    try:
        for change in binding.agree(tenant):
            yield f"mended: {change.site.tenant} {change.said()}"
    except moodledb.MoodleDbError as error:
        mend = f"run init_mnet_node --host={tenant.wwwroot}"
        yield f"Warning: its MNet peers may have other keys of it: {error}; {mend}"


def rows_of(tenant: Tenant, web: WebPhp) -> Iterator[str]:
    """Yield whether the PHPs that MNet needs have RC4."""
    yield str(web)
    why = platform.lacks_rc4(tenant.release.php)
    yield f"command-line PHP opens RC4: {f'no ({why})' if why else 'yes'}"


def day(seconds: int) -> str:
    """Return a time as a day."""
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()


def granted(tenant: Tenant) -> set[str]:
    """Return the short names of the roles whose users may go to other sites."""
    capabilities, role, context = (
        moodledb.table(tenant, name)
        for name in ("role_capabilities", "role", "context")
    )
    sql = (
        f"SELECT r.shortname FROM {capabilities} c JOIN {role} r ON r.id = c.roleid"  # noqa: S608
        f" JOIN {context} x ON x.id = c.contextid AND x.contextlevel = 10"
        " WHERE c.capability = 'moodle/site:mnetlogintoremote' AND c.permission = 1"
    )
    return {name for (name,) in moodledb.query(tenant.server, sql)}
