"""What the tenant list may be narrowed to, beside the columns of the registry."""

from typing import Any

from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from tenants.models import Tenant, pending


class AttentionFilter(admin.SimpleListFilter):
    title = _("needs attention")
    parameter_name = "needs"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("Yes")), ("busy", _("A job runs"))]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Tenant]
    ) -> QuerySet[Tenant]:
        if self.value() == "yes":
            return queryset.exclude(attention="")
        if self.value() == "busy":
            return queryset.exclude(held_by=None)
        return queryset


class UpgradeFilter(admin.SimpleListFilter):
    title = _("upgrade")
    parameter_name = "upgrade"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("pending", _("Pending")), ("done", _("Up to date"))]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Tenant]
    ) -> QuerySet[Tenant]:
        if self.value() == "pending":
            return queryset.filter(pending())
        if self.value() == "done":
            fits = queryset.exclude(seen_hash="")
            return fits.filter(seen_hash=F("release__versions_hash"))
        return queryset
