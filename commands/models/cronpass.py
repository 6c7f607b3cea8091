"""When VMoodle last ran the cron of a tenant."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from tenants.models import Tenant


class CronPass(models.Model):
    """The last time we tried a tenant's cron, and the last time it came to its end.

    Rows of tasks that were due before a pass which came to its end are no work: it has
    looked at them. They belong to plugins that are switched off.
    """

    tenant = models.OneToOneField(
        Tenant, models.CASCADE, primary_key=True, related_name="cron_pass"
    )
    tried_at = models.DateTimeField()
    completed_at = models.DateTimeField(null=True)  # when that one began

    class Meta:
        verbose_name_plural = _("cron passes")

    def __str__(self) -> str:
        return f"cron of {self.tenant}"

    @classmethod
    def begin(cls, tenant: Tenant) -> "CronPass":
        now = timezone.now()
        return cls.objects.update_or_create(tenant=tenant, defaults={"tried_at": now})[
            0
        ]

    @classmethod
    def complete(cls, tenant: Tenant) -> None:
        """Note that the pass which was begun last has looked at everything."""
        cls.objects.filter(tenant=tenant).update(completed_at=models.F("tried_at"))
