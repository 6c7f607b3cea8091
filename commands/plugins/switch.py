"""The base of commands that switch one plugin on or off."""

from collections.abc import Sequence
from typing import Any

from commands.agent import AgentCommand
from commands.base import CommandFailed, Steps
from commands.plugins.states import ABSENT, SWITCHED, WORDS, columns
from tenants.models import Tenant


class PluginSwitch(AgentCommand):
    """Leaves out sites where it is so already, by SQL; verifies by SQL afterwards."""

    operation = "set_plugin_states"

    def wanted(self) -> tuple[str, str]:
        """Return the plugin, `type/name`, and the state it shall have."""
        raise NotImplementedError

    def skips(self, tenants: Sequence[Tenant]) -> dict[int, str]:
        plugin, _state = self.wanted()
        found = columns(tenants, plugin.partition("/")[0])
        return {
            pk: "it is so already"
            for pk, column in found.items()
            if isinstance(column, dict) and self.fits(column.get(plugin, ABSENT).value)
        }

    def refusals(self, tenants: Sequence[Tenant]) -> dict[int, str]:
        plugin, _state = self.wanted()
        found = columns(tenants, plugin.partition("/")[0])
        return {
            pk: f"{plugin} is not installed on this site"
            for pk, column in found.items()
            if isinstance(column, dict) and plugin not in column
        }

    def fits(self, state: str) -> bool:
        """Whether a plugin in this state is as it shall be."""
        return state == self.wanted()[1]

    def payload(self, tenant: Tenant) -> dict[str, Any]:
        return {"states": dict([self.wanted()])}

    def run(self, tenant: Tenant) -> Steps:
        plugin, state = self.wanted()
        answer = yield from super().run(tenant)
        assert isinstance(answer, dict)
        if why := dict(answer.get("refused") or {}).get(plugin):
            raise CommandFailed(why)
        kind = plugin.partition("/")[0]
        after = columns([tenant], kind)[tenant.pk]
        if isinstance(after, str):
            raise CommandFailed(after)
        if kind in SWITCHED and not self.fits(now := after.get(plugin, ABSENT).value):
            raise CommandFailed(
                f"Moodle keeps {plugin} {WORDS[now]}, though it was asked to make it "
                f"{WORDS[state]}"
            )
        return answer
