"""Database servers, and what is published with every change."""

from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import (
    MaxValueValidator,
    MinValueValidator,
    RegexValidator,
)
from django.db import models, transaction
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from tenants.fields import EncryptedTextField
from tenants.serving import publish
from tenants.validators import absolute_path


class Published(models.Model):
    """What tenants' boot files hold a part of: if that changes, so do the files."""

    published: ClassVar[list[str]]

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save, then publish; a failure to publish leaves the row as it was."""
        from tenants.models.tenant import Tenant  # which refers to these models

        if kwargs.get("update_fields"):
            super().save(*args, **kwargs)
            return
        with transaction.atomic():
            rows = type(self)._default_manager.filter(pk=self.pk)
            former = rows.values(*self.published).first()
            super().save(*args, **kwargs)
            if former and former != rows.values(*self.published).get():
                publish.rebuild(
                    Tenant.objects.living().with_edges().select_for_update()
                )


class DatabaseServer(Published):
    """A MariaDB or MySQL server that holds tenants' databases."""

    published: ClassVar = ["host", "port", "socket"]

    name = models.SlugField(_("name"), unique=True)
    host = models.CharField(
        _("host"),
        max_length=255,
        default="localhost",
        help_text=_("Host name or address."),
    )
    port = models.PositiveIntegerField(
        _("port"),
        default=3306,
        validators=[MinValueValidator(1), MaxValueValidator(65535)],
    )
    socket = models.CharField(
        _("socket"),
        max_length=255,
        blank=True,
        validators=[absolute_path],
        help_text=_("Path of a local socket; used instead of host and port."),
    )
    admin_user = models.CharField(
        _("admin user"),
        max_length=80,
        help_text=_("Account that may read and write every tenant's database."),
    )
    admin_password = EncryptedTextField(_("admin password"), blank=True)
    accounts_from = models.CharField(
        _("accounts from"),
        max_length=255,
        blank=True,
        validators=[RegexValidator(r"\A[A-Za-z0-9%_.:/-]+\Z")],
        help_text=_(
            "Host part of new tenants' accounts; empty: localhost with a socket, else"
            " any (%)."
        ),
    )
    job_limit = models.PositiveSmallIntegerField(
        _("job limit"),
        default=4,
        validators=[MinValueValidator(1)],
        help_text=_("How many jobs may run at once on tenants of this server."),
    )

    class Meta:
        ordering = ["name"]
        verbose_name = _("database server")
        verbose_name_plural = _("database servers")
        constraints = [
            models.UniqueConstraint(
                fields=["host", "port", "socket"], name="one_row_per_server"
            )
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse another spelling of a server: its job limit would count twice."""
        same = models.Q(socket=self.socket)
        if not self.socket:
            local = {"localhost", "127.0.0.1", "::1"}
            names = local if self.host.lower() in local else {self.host.lower()}
            same &= models.Q(host_lower__in=names, port=self.port)
        others = DatabaseServer.objects.exclude(pk=self.pk)
        others = others.annotate(host_lower=Lower("host"))
        if taken := others.filter(same).first():
            raise ValidationError(
                _("This is the database server %(name)s already"),
                params={"name": taken},
            )
