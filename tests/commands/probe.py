"""A command for tests of the engine: it does what the test wrote down."""

from collections.abc import Callable
from datetime import timedelta
from typing import ClassVar

from django import forms
from django.utils import timezone

from commands.base import Command, Steps
from tenants.models import Tenant


class Probe(Command):
    """Do what the test wants.

    `script` gives, by short name of a tenant, what to call there.
    """

    frequent = True
    script: ClassVar[dict[str, Callable[["Probe"], Steps]]] = {}
    done: ClassVar[list[str]] = []
    skipped: ClassVar[dict[int, str]] = {}
    refused: ClassVar[dict[int, str]] = {}
    held: ClassVar[timedelta] = timedelta(0)

    word = forms.CharField(required=False, help_text="Any word.")

    def skips(self, tenants):
        return self.skipped

    def refusals(self, tenants):
        return self.refused

    def not_before(self):
        return timezone.now() + self.held if self.held else None

    def run(self, tenant: Tenant) -> Steps:
        self.done.append(tenant.shortname)
        yield f"at {tenant.shortname}"
        if step := self.script.get(tenant.shortname):
            return (yield from step(self))
        return {"word": self.cleaned_data["word"]}


def raises(error: BaseException) -> Callable:
    def step(command: Command):
        yield "about to fail"
        raise error

    return step
