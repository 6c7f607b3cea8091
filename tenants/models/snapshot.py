"""Snapshots: verified copies of tenants."""

from pathlib import Path

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from tenants.models.tenant import Tenant


class Snapshot(models.Model):
    """A copy of one tenant at one time: `<snapshots dir>/<name>/`.

    It outlives its tenant. A template is one that new tenants are made from.
    """

    class Reason(models.TextChoices):
        ASKED = "asked", _("Asked for")
        FINAL = "final", _("Before the end of the tenant")
        SAFETY = "safety", _("Before a restore")
        COPY = "copy", _("To copy the tenant")
        UPGRADE = "upgrade", _("Before an upgrade")

    name = models.SlugField(_("name"), max_length=120, unique=True, editable=False)
    tenant = models.ForeignKey(
        Tenant,
        models.SET_NULL,
        null=True,
        editable=False,
        related_name="snapshots",
        verbose_name=_("tenant"),
    )
    wwwroot = models.CharField(max_length=255, editable=False)
    reason = models.CharField(
        _("reason"), max_length=12, choices=Reason, editable=False
    )
    version = models.CharField(_("version"), max_length=20, blank=True, editable=False)
    release = models.CharField(_("release"), max_length=80, blank=True, editable=False)
    tables = models.PositiveIntegerField(_("tables"), default=0, editable=False)
    rows = models.PositiveBigIntegerField(_("rows"), default=0, editable=False)
    dump_bytes = models.PositiveBigIntegerField(default=0, editable=False)
    file_count = models.PositiveBigIntegerField(
        _("file count"), default=0, editable=False
    )
    file_bytes = models.PositiveBigIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(
        _("created at"), default=timezone.now, editable=False
    )
    half_way = models.BooleanField(
        _("half upgraded"),
        default=False,
        editable=False,
        help_text=_("Taken of a half upgraded site: it is restored by its name only."),
    )
    verified_at = models.DateTimeField(
        _("verified at"),
        null=True,
        editable=False,
        help_text=_("When it was last restored for a test, without a difference."),
    )
    is_template = models.BooleanField(
        _("template"),
        default=False,
        help_text=_("New tenants may be made from it; it is kept until you delete it."),
    )
    keep_until = models.DateTimeField(
        _("keep until"),
        null=True,
        blank=True,
        help_text=_("It is kept until then, whatever the rules."),
    )
    note = models.CharField(_("note"), max_length=200, blank=True)

    class Meta:
        ordering = ["-created_at", "-pk"]
        verbose_name = _("snapshot")
        verbose_name_plural = _("snapshots")

    def __str__(self) -> str:
        return self.name

    @property
    def path(self) -> Path:
        return Path(settings.VMOODLE_SNAPSHOT_DIR, self.name)
