"""Snapshots in the console: what there is, and what can be done with it."""

from collections import Counter
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from commands.console.actions import ActingAdmin
from commands.console.drafts import draft, may_run
from commands.upgrade import halfway
from tenants.admin import NOTHING, badge
from tenants.admin_forms import FreshForm
from tenants.backup import snapshots
from tenants.models import Snapshot, Tenant

OPERATE = {"verify": False, "test": False, "restore": True}  # dangerous?


class VerifiedFilter(admin.SimpleListFilter):
    title = _("verified")
    parameter_name = "verified"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("Yes")), ("no", _("No"))]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Snapshot]
    ) -> QuerySet[Snapshot]:
        if self.value() in {"yes", "no"}:
            return queryset.filter(verified_at__isnull=self.value() == "no")
        return queryset


class OrphanFilter(admin.SimpleListFilter):
    title = _("its tenant")
    parameter_name = "orphan"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("Is gone")), ("no", _("Is there"))]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Snapshot]
    ) -> QuerySet[Snapshot]:
        if self.value() in {"yes", "no"}:
            return queryset.filter(tenant__isnull=self.value() == "yes")
        return queryset


class SnapshotAdmin(ActingAdmin):
    form = FreshForm
    first_step = _("The page of a tenant has a button that takes one.")
    acts = ("verify", "test", "restore", "new_tenant")
    list_display = ["taken", "site", "size", "code", "kind", "verified", "kept"]
    list_filter = [
        "is_template",
        VerifiedFilter,
        "reason",
        OrphanFilter,
        ("created_at", admin.DateFieldListFilter),
    ]
    list_select_related = ["tenant"]
    search_fields = ["name", "wwwroot", "note", "tenant__name"]
    list_per_page = 50
    show_full_result_count = False
    actions = ["verify", "test", "restore", "new_tenant", "mark", "unmark"]
    fields = [
        ("name", "site"),
        ("created_at", "reason", "is_half"),
        ("release", "version"),
        ("tables", "rows", "dump"),
        ("file_count", "files"),
        "verified_at",
        "is_template",
        "keep_until",
        "note",
    ]
    readonly_fields = [
        *("name", "site", "created_at", "reason", "release", "version", "tables"),
        "is_half",
        *("rows", "dump", "file_count", "files", "verified_at"),
    ]

    def formfield_for_dbfield(
        self, db_field: Any, request: HttpRequest, **kwargs: Any
    ) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "keep_until" and field:
            date, time = field.widget.widgets
            date.attrs["aria-label"] = _("Keep until: date")
            time.attrs["aria-label"] = _("Keep until: time")
        return field

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        # The link from a tenant's page.
        return lookup == "tenant__id__exact" or super().lookup_allowed(
            lookup, value, request
        )

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions: dict[str, Any] = super().get_actions(request)
        for name, dangerous in OPERATE.items():
            if not may_run(request, dangerous=dangerous):
                actions.pop(name, None)
        if not request.user.has_perms(["tenants.add_tenant", "commands.operate"]):
            actions.pop("new_tenant", None)
        return actions

    @admin.display(description=_("taken"), ordering="created_at")
    def taken(self, snapshot: Snapshot) -> SafeString:
        age = timesince(snapshot.created_at, depth=1)
        note = format_html('<br><span class="quiet">{}</span>', snapshot.note)
        return format_html(
            '<span title="{}">{}</span> <span class="quiet">({})</span>{}',
            snapshot.name,
            timezone.localtime(snapshot.created_at).strftime("%Y-%m-%d %H:%M"),
            age,
            note if snapshot.note else "",
        )

    @admin.display(description=_("site"), ordering="wwwroot")
    def site(self, snapshot: Snapshot) -> SafeString | str:
        shown = snapshot.wwwroot.partition("://")[2]
        if snapshot.tenant is None:
            return format_html("{} {}", shown, badge("cancelled", _("Gone")))
        url = reverse("admin:tenants_tenant_change", args=[snapshot.tenant.pk])
        return format_html('<a href="{}">{}</a>', url, shown)

    @admin.display(description=_("size"), ordering="dump_bytes")
    def size(self, snapshot: Snapshot) -> SafeString:
        return format_html(
            '<span title="{}">{}</span>',
            _("dump %(dump)s, files %(files)s")
            % {"dump": self.dump(snapshot), "files": self.files(snapshot)},
            filesizeformat(snapshot.dump_bytes + snapshot.file_bytes),
        )

    @admin.display(description=_("half upgraded"))
    def is_half(self, snapshot: Snapshot) -> Any:
        return (
            _("Yes: it is restored by its name only") if snapshot.half_way else _("No")
        )

    @admin.display(description=_("dump"))
    def dump(self, snapshot: Snapshot) -> str:
        return filesizeformat(snapshot.dump_bytes)

    @admin.display(description=_("data files"))
    def files(self, snapshot: Snapshot) -> str:
        return filesizeformat(snapshot.file_bytes)

    @admin.display(description=_("version"), ordering="version")
    def code(self, snapshot: Snapshot) -> str:
        return snapshot.release.partition(" (")[0] or snapshot.version

    @admin.display(description=_("kind"), ordering="reason")
    def kind(self, snapshot: Snapshot) -> SafeString | str:
        if snapshot.is_template:
            return badge("running", _("Template"))
        if snapshot.half_way:
            return badge("failed", _("Half upgraded"))
        return str(snapshot.get_reason_display())

    @admin.display(description=_("verified"), ordering="verified_at")
    def verified(self, snapshot: Snapshot) -> SafeString | str:
        if snapshot.verified_at is None:
            return badge("skipped", _("Not yet"))
        age = timesince(snapshot.verified_at, depth=1)
        return badge("succeeded", _("%(age)s ago") % {"age": age})

    @admin.display(description=_("kept until"), ordering="keep_until")
    def kept(self, snapshot: Snapshot) -> str:
        return f"{snapshot.keep_until:%Y-%m-%d}" if snapshot.keep_until else NOTHING

    @admin.action(description=_("Verify: compare with the checksums ..."))
    def verify(self, request: HttpRequest, queryset: QuerySet[Snapshot]) -> Any:
        return self._prepare(request, queryset, "lifecycle/Verify", {}, "confirm")

    @admin.action(description=_("Restore test, in a database of its own ..."))
    def test(self, request: HttpRequest, queryset: QuerySet[Snapshot]) -> Any:
        more = {"test": "1"}
        return self._prepare(request, queryset, "lifecycle/Restore", more, "confirm")

    @admin.action(description=_("Restore: put the sites back ..."))
    def restore(self, request: HttpRequest, queryset: QuerySet[Snapshot]) -> Any:
        return self._prepare(request, queryset, "lifecycle/Restore", {}, "launch")

    def _prepare(
        self,
        request: HttpRequest,
        queryset: QuerySet[Snapshot],
        command: str,
        more: dict[str, str],
        step: str,
    ) -> HttpResponse | None:
        """Prepare a run on the snapshots' tenants; one snapshot for each."""
        tenants = Counter(queryset.values_list("tenant_id", flat=True))
        if None in tenants:
            text = _("A tenant is gone: make a new one from its snapshot instead.")
            messages.error(request, text)
            return None
        if any(number > 1 for number in tenants.values()):
            messages.error(request, _("Choose one snapshot of each tenant."))
            return None
        names = ",".join(queryset.values_list("name", flat=True))
        attributes = urlencode({"snapshot": names, **more})
        run = draft(request, sorted(tenants), command, attributes)
        return redirect(f"admin:commands_run_{step}", run.pk)

    @admin.action(description=_("New tenant from it ..."))
    def new_tenant(self, request: HttpRequest, queryset: QuerySet[Snapshot]) -> Any:
        if queryset.count() != 1:
            messages.error(request, _("Choose one snapshot to make a tenant from."))
            return None
        name = queryset.get().name
        return redirect(reverse("admin:tenants_tenant_add", query={"template": name}))

    @admin.action(description=_("Mark as a template"), permissions=["change"])
    def mark(self, request: HttpRequest, queryset: QuerySet[Snapshot]) -> None:
        self._mark(request, queryset, on=True)

    @admin.action(description=_("No template any more"), permissions=["change"])
    def unmark(self, request: HttpRequest, queryset: QuerySet[Snapshot]) -> None:
        self._mark(request, queryset, on=False)

    def _mark(
        self, request: HttpRequest, queryset: QuerySet[Snapshot], *, on: bool
    ) -> None:
        changed = queryset.exclude(is_template=on)
        for snapshot in changed:
            self.log_change(
                request, snapshot, [{"changed": {"fields": ["is_template"]}}]
            )
        number = changed.update(is_template=on)
        said = ngettext("%(n)s changed", "%(n)s changed", number) % {"n": number}
        self.message_user(request, said, messages.SUCCESS)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Leave templates, and what is being used: they are told as protected."""
        found, counts, perms, protected = super().get_deleted_objects(objs, request)
        used = [(snapshot, in_use(snapshot)) for snapshot in objs]
        return found, counts, perms, [*protected, *(f"{s}: {w}" for s, w in used if w)]

    def save_model(
        self, request: HttpRequest, obj: Snapshot, form: Any, change: bool
    ) -> None:
        obj.save(update_fields=form.changed_data)  # jobs change the rest

    def delete_model(self, request: HttpRequest, obj: Snapshot) -> None:
        # Its files take long: the registry waits for no transaction meanwhile.
        transaction.on_commit(lambda: snapshots.delete(obj))

    def delete_queryset(
        self, request: HttpRequest, queryset: QuerySet[Snapshot]
    ) -> None:
        for snapshot in queryset:
            snapshots.delete(snapshot)


def in_use(snapshot: Snapshot) -> str:
    """Return why a snapshot must not be deleted just now."""
    if snapshot.is_template:
        return str(_("it is a template: unmark it first"))
    tenant: Tenant | None = snapshot.tenant
    if tenant and tenant.held_by:
        return str(_("a job is at work on its tenant: wait for its end"))
    if tenant and halfway.way_back(tenant) == snapshot:
        return str(_("its tenant is half upgraded: upgrade it, or restore this, first"))
    return ""
