"""The base of commands that do something inside Moodle, by its own functions."""

from typing import Any

from django.db.models import Model

from commands.base import Command, CommandFailed, NothingToDo, Steps
from tenants import agent
from tenants.models import Tenant


class AgentCommand(Command):
    """An operation of `tenants/moodle/ops/`; it is given the cleaned parameters."""

    operation = ""

    def payload(self, tenant: Tenant) -> dict[str, Any]:
        """Return what the operation reads: a dict that JSON can hold."""
        return {
            name: value.pk if isinstance(value, Model) else value
            for name, value in self.cleaned_data.items()
        }

    def run(self, tenant: Tenant) -> Steps:
        return (yield from self.ask(tenant, self.operation, self.payload(tenant)))

    def ask(self, tenant: Tenant, operation: str, payload: dict[str, Any]) -> Steps:
        """Do one operation for this job: yield its log, return its result."""
        try:
            return (yield from agent.ask(tenant, operation, payload, job=self.job))
        except agent.AgentNothingToDo as nothing:
            raise NothingToDo(str(nothing)) from nothing
        except agent.AgentRefusal as refusal:
            raise CommandFailed(str(refusal)) from refusal


def read(tenant: Tenant, operation: str, payload: dict[str, Any]) -> Any:
    """Return the result of an operation that only reads; raise CommandFailed."""
    try:
        return agent.read(tenant, operation, payload)
    except (agent.AgentRefusal, agent.AgentNothingToDo) as refusal:
        raise CommandFailed(f"{tenant.wwwroot}: {refusal}") from refusal
