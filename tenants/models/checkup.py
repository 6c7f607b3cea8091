"""Checkups: what was last found out about each tenant."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from tenants.models.tenant import Tenant


class Checkup(models.Model):
    """The latest checks of one tenant, a sentence each: `tenants/checks.py`."""

    class State(models.TextChoices):
        OK = "ok", _("All is well")
        WARNING = "warning", _("To be looked at")
        FAILED = "failed", _("Not well")

    tenant = models.OneToOneField(Tenant, models.CASCADE, primary_key=True)
    at = models.DateTimeField()
    state = models.CharField(_("checks"), max_length=12, choices=State)
    findings = models.JSONField(default=list)

    def __str__(self) -> str:
        return f"{self.tenant}: {self.get_state_display()}"
