"""Service strategies, and what was last found out about the PHP that serves a site."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from mnet.sites import Services
from tenants.models import Tenant

# Users of either site may go to the other: Moodle's single sign-on.
STANDARD: Services = {"sso_idp": (True, True), "sso_sp": (True, True)}


class Strategy(models.Model):
    """The services of one kind of bond, seen from the tenant; the other side mirrors.

    A kind without a row has `STANDARD`.
    """

    class Kind(models.TextChoices):
        MAIN = "main", _("With the main tenant")
        SUBNETWORK = "subnetwork", _("Within a sub-network")
        DEFAULT = "default", _("With any other tenant")

    kind = models.CharField(_("kind"), max_length=12, choices=Kind.choices, unique=True)
    services = models.JSONField(
        default=dict, blank=True
    )  # {name: [publish, subscribe]}

    class Meta:
        verbose_name = _("strategy")
        verbose_name_plural = _("strategies")
        default_permissions = ("view", "change")

    def __str__(self) -> str:
        return str(self.get_kind_display())

    def clean(self) -> None:
        given: Any = self.services
        if not isinstance(given, dict) or not all(
            isinstance(ways, list) and [type(way) for way in ways] == [bool, bool]
            for ways in given.values()
        ):
            form = _("Give {service: [publish, subscribe]}")
            raise ValidationError({"services": form})
        uneven = sorted(name for name, ways in given.items() if len({*ways}) > 1)
        if uneven and self.kind == self.Kind.SUBNETWORK:
            raise ValidationError(
                _(
                    "%(names)s: within a sub-network all are alike, so what is"
                    " published is to be subscribed to as well: choose both or none"
                ),
                params={"names": ", ".join(uneven)},
            )

    @classmethod
    def all(cls) -> dict[str, Services]:
        """Return the services of every kind of bond."""
        stored = dict(cls.objects.values_list("kind", "services"))
        return {
            kind: (
                {name: (ways[0], ways[1]) for name, ways in stored[kind].items()}
                if kind in stored
                else STANDARD
            )
            for kind in cls.Kind.values
        }


def mirrored(services: Services) -> Services:
    """Return what the other side gives: it takes what is given to it.

    >>> mirrored({"sso_sp": (True, False)})
    {'sso_sp': (False, True)}
    """
    return {name: (ways[1], ways[0]) for name, ways in services.items()}


Strategies = Mapping[str, Services]


class WebPhp(models.Model):
    """Whether the PHP that serves a site opens RC4, when it was last asked."""

    class Opens(models.TextChoices):
        YES = "yes", _("Yes")
        NO = "no", _("No")
        UNKNOWN = "unknown", _("Unknown")

    tenant = models.OneToOneField(Tenant, models.CASCADE, primary_key=True)
    opens = models.CharField(max_length=8, choices=Opens)
    reason = models.TextField(blank=True)  # why it is not known, or what else is wrong
    at = models.DateTimeField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        told = f"web PHP opens RC4: {self.opens}"
        return f"{told} ({self.reason})" if self.reason else told
