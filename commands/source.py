"""The base of commands that copy from one tenant, their source, to others."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from commands.base import Command, Json
from commands.validation import invalid
from tenants.models import Tenant
from tenants.wwwroot import clean_wwwroot


class TenantField(forms.CharField):
    """A tenant, named by its wwwroot; the cleaned value is a Tenant, or None."""

    def clean(self, value: Any) -> Tenant | None:
        text = super().clean(value)
        if not text:
            return None
        try:
            return Tenant.objects.with_edges().get(wwwroot=clean_wwwroot(text))
        except Tenant.DoesNotExist:
            raise invalid(_("No such tenant: %(name)s"), name=text) from None


class SourceCommand(Command):
    """Reads the source once a run, before anything is touched; never writes to it.

    Subclasses override `read` and find in `material` what it returned.
    """

    source = TenantField(
        required=False,
        max_length=255,
        help_text=_("wwwroot of the tenant to copy from; empty: the main tenant."),
    )

    def clean_source(self) -> Tenant:
        source: Tenant | None = self.cleaned_data["source"]
        source = source or Tenant.objects.with_edges().filter(is_main=True).first()
        if source is None:
            raise ValidationError(
                _("There is no main tenant: give the wwwroot of a tenant")
            )
        return source

    def _raw(self, name: str, field: forms.Field) -> list[str]:
        # The run shall tell which tenant it was, whatever is the main one by then.
        if name == "source" and "source" in getattr(self, "cleaned_data", {}):
            return [self.cleaned_data["source"].wwwroot]
        return super()._raw(name, field)

    def skips(self, tenants: Sequence[Tenant]) -> dict[int, str]:
        """Leave the source out: it is never its own target."""
        source: Tenant = self.cleaned_data["source"]
        return {source.pk: "it is the source"} if source in tenants else {}

    def prepare(self, tenants: Sequence[Tenant]) -> Json:
        return self.read(self.cleaned_data["source"])

    def read(self, source: Tenant) -> Json:
        """Return what is copied, as JSON can hold it; raise CommandFailed."""
        raise NotImplementedError
