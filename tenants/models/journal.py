"""What is under way on a tenant, so that whoever comes after a crash can undo it."""

import json
import secrets
from typing import Any

from django.db import models
from django.utils import timezone

from tenants.fields import EncryptedTextField
from tenants.models.tenant import Tenant


def new_token() -> str:
    return secrets.token_hex(8)


class Journal(models.Model):
    """A work of several steps on one tenant; gone once it is done or undone."""

    tenant = models.OneToOneField(Tenant, models.CASCADE)
    work = models.CharField(max_length=20)  # create, restore
    token = models.CharField(max_length=16, default=new_token)
    text = EncryptedTextField()  # the plan, as JSON; it may hold passwords
    begun = models.JSONField(default=list)  # names of steps
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.work} {self.tenant}"

    @property
    def mark(self) -> str:
        """Return what databases and directories of this work are marked with."""
        return f"vmoodle {self.work} {self.token}"

    @property
    def plan(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.text)
        return found

    def begin(self, step: str) -> None:
        """Store that a step begins, before it does anything."""
        self.begun = [*dict.fromkeys([*self.begun, step])]
        self.save(update_fields=["begun"])

    def never_begun(self, step: str) -> None:
        """Store that a step has done nothing, so that there is nothing to undo."""
        self.begun = [name for name in self.begun if name != step]
        self.save(update_fields=["begun"])
