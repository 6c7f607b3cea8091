"""Tenants: the sites."""

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from tenants.fields import EncryptedTextField
from tenants.models.release import Release
from tenants.models.server import DatabaseServer
from tenants.serving import publish, subpath
from tenants.serving.boot import keys_of
from tenants.validators import (
    absolute_path,
    clean_settings,
    identifier,
    overlapping,
    prefix,
)
from tenants.wwwroot import clean_wwwroot, site_key

# What `metadata` says under "services", as a list of new tenants may.
SIGN_ON_ONLY = "default"
HALF_WAY = "its upgrade failed half-way"  # begins what is told of a tenant then


class Tag(models.Model):
    """A word that groups tenants: `school`, `critical`, `pilot`."""

    name = models.SlugField(_("name"), unique=True)

    class Meta:
        ordering = ["name"]
        verbose_name = _("tag")
        verbose_name_plural = _("tags")

    def __str__(self) -> str:
        return self.name


def pending(tenant: str = "", release: str = "release__") -> models.Q:
    """Return the condition that a site, as last seen, does not fit its release.

    `tenant`, `release`: prefixes of the lookups.
    """
    seen, wanted = f"{tenant}seen_hash", f"{release}versions_hash"
    known = ~models.Q(**{seen: ""}) & ~models.Q(**{wanted: ""})
    return known & ~models.Q(**{seen: models.F(wanted)})


def unpublish(keys: set[str]) -> None:
    """Publish nothing under these keys, unless another tenant has taken one over.

    So it may while a job, which has read them before, takes its last snapshot.
    """
    living = Tenant.objects.living().filter(key__in=keys)
    for key in keys - set(living.values_list("key", flat=True)):
        publish.unpublish(key)


class TenantQuerySet(models.QuerySet["Tenant"]):
    def enabled(self) -> "TenantQuerySet":
        return self.filter(enabled=True)

    def delete(self) -> tuple[int, dict[str, int]]:
        """Forget these tenants and unpublish them, as the console deletes."""
        keys = [tenant.keys() for tenant in self]
        deleted = super().delete()
        unpublish(set().union(*keys))
        return deleted

    delete.queryset_only = True  # type: ignore[attr-defined] # as Django's own
    delete.alters_data = True  # type: ignore[attr-defined]

    def with_edges(self) -> "TenantQuerySet":
        """With what every edge needs: one query, not one per tenant."""
        return self.select_related("server", "release")

    def living(self) -> "TenantQuerySet":
        """Without those that are deleted and wait for their end."""
        return self.filter(deleted_at=None)


class Tenant(models.Model):
    """One virtual Moodle. Saving it publishes it; its identity is its wwwroot."""

    wwwroot = models.CharField(
        max_length=255, unique=True, help_text=_("https://host[:port][/sub-path]")
    )
    key = models.CharField(max_length=255, unique=True, editable=False)
    name = models.CharField(
        _("name"), max_length=255, help_text=_("Full name of the site.")
    )
    shortname = models.CharField(
        _("short name"),
        max_length=80,
        unique=True,
        validators=[identifier],
        help_text=_("Short code: names log files and the session cookie."),
    )
    description = models.TextField(_("description"), blank=True)
    is_main = models.BooleanField(
        _("main tenant"),
        default=False,
        help_text=_("Source of copies; left out of bulk runs unless asked for."),
    )
    former = models.TextField(
        _("former"),
        blank=True,
        editable=False,
        help_text=_("Addresses that lead to this one, a line each."),
    )
    enabled = models.BooleanField(
        _("enabled"),
        default=True,
        help_text=_("A disabled tenant answers 503 to everybody."),
    )
    release = models.ForeignKey(
        Release,
        models.PROTECT,
        help_text=_("The code tree this tenant is pinned to."),
        verbose_name=_("release"),
    )
    server = models.ForeignKey(
        DatabaseServer, models.PROTECT, verbose_name=_("database server")
    )
    db_type = models.CharField(
        _("database type"),
        max_length=16,
        default="mariadb",
        choices=[("mariadb", "MariaDB"), ("mysqli", "MySQL")],
    )
    db_name = models.CharField(
        _("database name"), max_length=64, validators=[identifier]
    )
    db_user = models.CharField(_("database user"), max_length=80)
    db_password = EncryptedTextField(_("database password"), blank=True)
    db_prefix = models.CharField(
        _("table prefix"), max_length=10, default="mdl_", validators=[prefix]
    )
    db_persist = models.BooleanField(
        _("persistent connections"), default=False, help_text=_("Rarely a gain.")
    )
    data_path = models.CharField(
        _("data path"),
        max_length=255,
        unique=True,
        validators=[absolute_path],
        help_text=_("The tenant's own moodledata directory."),
    )
    network = models.IntegerField(
        _("network"),
        default=0,
        validators=[MinValueValidator(-1)],
        help_text=_("MNet: -1 off, 0 with the main tenant only, n sub-network n."),
    )
    tags = models.ManyToManyField(Tag, blank=True, verbose_name=_("tags"))
    forced_settings = models.JSONField(
        _("forced settings"),
        default=dict,
        blank=True,
        help_text=_("Moodle settings forced on this tenant."),
    )
    metadata = models.JSONField(_("metadata"), default=dict, blank=True)
    created_at = models.DateTimeField(
        _("created at"), default=timezone.now, editable=False
    )
    deleted_at = models.DateTimeField(
        null=True,
        editable=False,
        help_text=_("Since when it waits for its end, with all that is its own."),
    )

    # What was last seen of the site, and of its cron.
    seen_at = models.DateTimeField(_("seen at"), null=True, editable=False)
    seen_version = models.CharField(
        _("seen version"), max_length=20, blank=True, editable=False
    )
    seen_hash = models.CharField(max_length=40, blank=True, editable=False)
    last_cron = models.DateTimeField(null=True, blank=True, editable=False)
    last_cron_gap = models.PositiveIntegerField(
        null=True, blank=True, editable=False, help_text=_("Seconds.")
    )
    mnet_expires_at = models.DateTimeField(
        _("MNet key expires"), null=True, editable=False
    )
    cron_count = models.PositiveIntegerField(default=0, editable=False)

    # Kept by the engine: the job that holds the tenant, and the latest one.
    held_by = models.PositiveBigIntegerField(null=True, editable=False)
    last_job = models.PositiveBigIntegerField(null=True, editable=False)
    last_command = models.CharField(max_length=80, blank=True, editable=False)
    last_state = models.CharField(
        _("last state"), max_length=12, blank=True, editable=False
    )
    last_job_at = models.DateTimeField(null=True, editable=False)
    attention = models.TextField(
        _("needs attention"),
        blank=True,
        help_text=_("Why commands that write are refused; empty it to allow them."),
    )

    objects = TenantQuerySet.as_manager()

    class Meta:
        ordering = ["name", "pk"]
        verbose_name = _("tenant")
        verbose_name_plural = _("tenants")
        constraints = [
            models.UniqueConstraint(
                fields=["server", "db_name"],
                name="one_tenant_per_database",
                violation_error_message=_("Another tenant has this database."),
            ),
        ]

    def __str__(self) -> str:
        return self.wwwroot

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save, then publish; a failure to publish leaves the row as it was."""
        self.wwwroot = clean_wwwroot(self.wwwroot)
        self.key = site_key(self.wwwroot)
        with transaction.atomic():
            row = Tenant.objects.filter(pk=self.pk).only("key", "former").first()
            stale = row.keys() if row else set()
            super().save(*args, **kwargs)
            now = self
            if kwargs.get("update_fields"):  # the rest may have changed meanwhile
                now = Tenant.objects.with_edges().get(pk=self.pk)
            if now.key not in stale:
                now._take_over()
            if now.deleted_at is None:
                publish.publish(now)
                stale -= now.keys()
            else:
                stale |= now.keys()
        unpublish(stale)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Forget the tenant and unpublish it; its database and files stay."""
        keys = self.keys()
        deleted = super().delete(*args, **kwargs)
        unpublish(keys)
        return deleted

    def keys(self) -> set[str]:
        """Return all keys that it is published under, those that lead to it too."""
        return keys_of(self)

    def _take_over(self) -> None:
        """Let our address lead to no other tenant any more."""
        host = self.key.partition("~")[0].partition("+")[0]
        for other in Tenant.objects.filter(former__contains=host):
            kept = [root for root in other.former.split() if site_key(root) != self.key]
            if kept != other.former.split():
                Tenant.objects.filter(pk=other.pk).update(former="\n".join(kept))

    def clean(self) -> None:
        if self.wwwroot:
            self.wwwroot = clean_wwwroot(self.wwwroot)
            self.key = site_key(self.wwwroot)
        clean_settings(self.forced_settings)
        self._clean_sub_path()
        others = Tenant.objects.exclude(pk=self.pk)
        if others.filter(key=self.key).exclude(wwwroot=self.wwwroot).exists():
            raise ValidationError(
                {"wwwroot": _("Another tenant has this host under another scheme.")}
            )
        if self.is_main and others.filter(is_main=True).exists():
            raise ValidationError({"is_main": _("There is a main tenant already.")})
        self._clean_data_path(others)

    def _clean_sub_path(self) -> None:
        """Refuse a new sub-path where there are none, or that Moodle has itself."""
        segment = subpath.segment_of(self.key)
        if not segment or Tenant.objects.filter(pk=self.pk, key=self.key).exists():
            return
        if not settings.VMOODLE_USE_SUBPATH:
            refused = _("Sub-paths are off: give a host alone, or set %(name)s=true.")
            name = {"name": "VMOODLE_USE_SUBPATH"}
            raise ValidationError({"wwwroot": ValidationError(refused, params=name)})
        if self.release_id and subpath.is_code(self.release.path, segment):
            refused = _("Moodle itself has a /%(name)s: choose another sub-path.")
            name = {"name": segment}
            raise ValidationError({"wwwroot": ValidationError(refused, params=name)})

    def _clean_data_path(self, others: TenantQuerySet) -> None:
        """Refuse a data path that overlaps another tenant's or a code tree."""
        if taken := others.filter(overlapping("data_path", self.data_path)).first():
            refused = _("It overlaps the data path of %(tenant)s")
            raise ValidationError({"data_path": refused % {"tenant": taken}})
        code = Release.objects.filter(overlapping("path", self.data_path)).first()
        if code:
            refused = _("It overlaps the code tree %(path)s, which is public")
            raise ValidationError({"data_path": refused % {"path": code.path}})

    @property
    def up_to_date(self) -> bool | None:
        """Whether the site, as last seen, fits its release; None if not known."""
        if not self.seen_hash or not self.release.versions_hash:
            return None
        return self.seen_hash == self.release.versions_hash

    @property
    def has_sign_on_only(self) -> bool:
        """Whether MNet's strategies are not for it, but single sign-on alone."""
        known = self.metadata
        return isinstance(known, dict) and known.get("services") == SIGN_ON_ONLY

    @property
    def is_half_upgraded(self) -> bool:
        """Whether an upgrade has begun to change its database, and has not ended."""
        return self.attention.startswith(HALF_WAY)

    def shares_account(self) -> bool:
        """Whether another tenant has the same account on its server."""
        others = Tenant.objects.filter(server=self.server, db_user=self.db_user)
        return others.exclude(pk=self.pk).exists()

    def pin(self, release: Release) -> None:
        """Pin the tenant, as the registry has it by now, to another code tree."""
        with transaction.atomic():
            # In the order in which a release that is saved locks them.
            Release.objects.select_for_update().get(pk=release.pk)
            row = Tenant.objects.select_for_update().get(pk=self.pk)
            row.release = release
            row.save(update_fields=["release"])
        self.release = release

    def move(
        self, wwwroot: str, *, redirect: bool = False, former: str | None = None
    ) -> None:
        """Give the tenant, as the registry has it by now, another address.

        The one it had leads to it from now on, or is published no longer. `former`:
        instead, all addresses that lead to it. Raises ValidationError when another
        tenant has the address.
        """
        with transaction.atomic():
            row = Tenant.objects.select_for_update().get(pk=self.pk)
            before, row.wwwroot = row.wwwroot, clean_wwwroot(wwwroot)
            row.clean()
            row.validate_unique()
            if former is None:
                roots = [*row.former.split(), *([before] if redirect else [])]
                former = "\n".join(r for r in roots if site_key(r) != row.key)
            row.former = former
            row.save(update_fields=["wwwroot", "key", "former"])
        self.wwwroot, self.key, self.former = row.wwwroot, row.key, row.former
