"""The registry in the console: lists, filters and forms."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin import actions
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import localize
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.timezone import localtime
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from tenants import checks, held, moodledb
from tenants.admin_filters import AttentionFilter, UpgradeFilter
from tenants.admin_forms import (
    ReleasePageForm,
    ServerPageForm,
    TenantForm,
    without_secrets,
)
from tenants.models import (
    Checkup,
    DatabaseServer,
    Release,
    Tag,
    Tenant,
)
from tenants.moodledb import MoodleDbError
from tenants.php import PhpError
from tenants.serving.adopt import is_adopted
from tenants.serving.publish import PublishError

# The badge of a state: its class and its words.
CHECKED: dict[str, tuple[str, Any]] = {
    Checkup.State.OK: ("succeeded", _("ok")),
    Checkup.State.WARNING: ("queued", _("warning")),
    Checkup.State.FAILED: ("failed", _("failed")),
}
# What a site lacks is told when one of these has been changed.
WHERE = {"release", "data_path", "server", "db_name", "db_prefix", "db_user"}
WHERE |= {"db_password"}
FEW_DAYS = 7  # that an MNet key serves still
NOTHING = SafeString('<span class="dash">–</span>')  # in a column, below its head


def badge(kind: str, text: object) -> SafeString:
    """Return a small coloured label; `kind` is a class of console.css."""
    return format_html('<span class="badge {}">{}</span>', kind, text)


def counted(number: int, told: str) -> SafeString:
    """Return a number; where a list has no heads, what is told of it."""
    both = '<span class="wide-only">{}</span><span class="narrow-only">{}</span>'
    return format_html(both, number, told % {"n": number})


class NotPublished(Exception):
    """It was not saved, since it could not be published."""


class PublishingAdmin(admin.ModelAdmin):
    """Saving publishes: a failure comes back with the form."""

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Any:
        """Lock what is changed, and let no job begin: jobs change it as well."""
        if request.method == "POST":
            held.let_none_begin()
        row = super().get_object(request, object_id, from_field)
        if row and request.method == "POST":
            rows = self.model._default_manager.select_for_update()
            row.refresh_from_db(from_queryset=rows)
        return row

    def save_model(
        self, request: HttpRequest, obj: Any, form: Any, change: bool
    ) -> None:
        try:
            super().save_model(request, obj, form, change)
        except PublishError as error:
            raise NotPublished(str(error)) from error

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().changeform_view(request, *args, **kwargs)
        except NotPublished as error:
            # The row is as it was: the form comes back with the reason.
            said = _("Not saved: %(why)s") % {"why": error}
            self.message_user(request, said, messages.ERROR)
            request.method = "GET"
            return super().changeform_view(request, *args, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Leave the passwords out for who may only look: no form hides them there."""
        found = super().get_fieldsets(request, obj)
        if obj is None or self.has_change_permission(request, obj):
            return found
        return [
            (title, {**of, "fields": without_secrets(of["fields"])})
            for title, of in found
        ]

    def kept(self, pks: list[int]) -> list[str]:
        """Return why rows cannot be deleted just now."""
        raise NotImplementedError

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        found, counts, perms, protected = super().get_deleted_objects(objs, request)
        return found, counts, perms, [*protected, *self.kept([o.pk for o in objs])]

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions: dict[str, Any] = super().get_actions(request)
        if "delete_selected" in actions:
            _action, *told = actions["delete_selected"]
            actions["delete_selected"] = (delete_selected, *told)
        return actions


def delete_selected(
    model_admin: Any, request: HttpRequest, queryset: QuerySet[Any]
) -> Any:
    """Delete as Django's own does, in one transaction with what may refuse it."""
    with transaction.atomic():
        held.let_none_begin()
        return actions.delete_selected(model_admin, request, queryset)


@admin.register(DatabaseServer)
class DatabaseServerAdmin(PublishingAdmin):
    form = ServerPageForm
    list_display = ["name", "address", "limit", "tenants"]
    search_fields = ["name", "host", "socket"]
    actions = ["try_connection"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[DatabaseServer]:
        return super().get_queryset(request).annotate(number=Count("tenant"))

    def save_model(
        self, request: HttpRequest, obj: DatabaseServer, form: Any, change: bool
    ) -> None:
        super().save_model(request, obj, form, change)
        transaction.on_commit(lambda: self._try(request, obj))  # it may take long

    def kept(self, pks: list[int]) -> list[str]:
        servers = DatabaseServer.objects.filter(pk__in=pks)
        return [why for one in servers if (why := held.refusal(held.on_server(one)))]

    @admin.action(description=_("Try the connection"), permissions=["view"])
    def try_connection(
        self, request: HttpRequest, queryset: QuerySet[DatabaseServer]
    ) -> None:
        for server in queryset:
            self._try(request, server)

    def _try(self, request: HttpRequest, server: DatabaseServer) -> None:
        """Tell whether the server answers; it is saved even if it does not."""
        try:
            [(version,)] = moodledb.query(server, "SELECT VERSION()")
        except MoodleDbError as error:
            self.message_user(request, str(error), messages.WARNING)
        else:
            said = _("%(server)s answers: %(version)s")
            self.message_user(request, said % {"server": server, "version": version})

    @admin.display(description=_("address"))
    def address(self, server: DatabaseServer) -> str:
        return server.socket or f"{server.host}:{server.port}"

    @admin.display(description=_("job limit"), ordering="job_limit")
    def limit(self, server: DatabaseServer) -> SafeString:
        n = server.job_limit
        return counted(n, ngettext("%(n)s job at once", "%(n)s jobs at once", n))

    @admin.display(description=_("tenants"), ordering="number")
    def tenants(self, server: Any) -> SafeString:
        n = server.number
        return counted(n, ngettext("%(n)s tenant", "%(n)s tenants", n))


@admin.register(Release)
class ReleaseAdmin(PublishingAdmin):
    form = ReleasePageForm
    list_display = ["name", "release", "version", "path", "adopted", "tenants"]
    search_fields = ["name", "path", "release"]
    readonly_fields = ["version", "release", "branch", "versions_hash"]
    actions = ["read_again"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Release]:
        return super().get_queryset(request).annotate(number=Count("tenant"))

    @admin.display(description=_("tenants"), ordering="number")
    def tenants(self, release: Any) -> SafeString:
        n = release.number
        return counted(n, ngettext("%(n)s tenant", "%(n)s tenants", n))

    @admin.display(description=_("serves tenants"))
    def adopted(self, release: Release) -> SafeString:
        if is_adopted(release):
            return badge("succeeded", _("Adopted"))
        command = f"manage.py adopt_release {release.name}"
        return format_html(
            "{} <code>{}</code>", badge("queued", _("Not yet adopted")), command
        )

    def save_model(
        self, request: HttpRequest, obj: Release, form: Any, change: bool
    ) -> None:
        super().save_model(request, obj, form, change)
        saved = Release.objects.filter(pk=obj.pk)
        transaction.on_commit(lambda: self.read_again(request, saved))  # by PHP

    def kept(self, pks: list[int]) -> list[str]:
        releases = Release.objects.filter(pk__in=pks)
        return [why for one in releases if (why := held.refusal(held.on_release(one)))]

    @admin.action(description=_("Read the code trees again"), permissions=["change"])
    def read_again(self, request: HttpRequest, queryset: QuerySet[Release]) -> None:
        for release in queryset:
            try:
                release.refresh()
            except (PhpError, ValidationError) as error:
                said = "; ".join(error.messages)
                self.message_user(request, said, messages.ERROR)


@admin.register(Tenant)
class TenantAdmin(PublishingAdmin):
    form = TenantForm
    list_display = [
        "name",
        "site",
        "status",
        "release",
        "code",
        "cron",
        "mnet_key",
        "job",
    ]
    list_filter = [
        "enabled",
        AttentionFilter,
        UpgradeFilter,
        "release",
        "server",
        "tags",
        "network",
        "is_main",
        ("checkup__state", admin.ChoicesFieldListFilter),
    ]
    list_select_related = ["release", "server"]
    search_fields = ["name", "shortname", "wwwroot"]
    filter_horizontal = ["tags"]
    show_full_result_count = False
    readonly_fields = ["created_at", "seen_version", "seen_at", "job", "checks"]
    fieldsets = [
        (None, {"fields": ["wwwroot", "name", "shortname", "description", "network"]}),
        (
            _("Where it runs"),
            {"fields": ["release", "enabled", "is_main", "data_path", "tags"]},
        ),
        (
            _("Database"),
            {
                "fields": [
                    ("server", "db_type"),
                    ("db_name", "db_prefix"),
                    ("db_user", "db_password"),
                    "db_persist",
                ]
            },
        ),
        (
            _("Settings"),
            {"classes": ["collapse"], "fields": ["forced_settings", "metadata"]},
        ),
        (
            _("State"),
            {
                "fields": [
                    *("attention", "checks", "job"),
                    *("seen_version", "seen_at", "created_at"),
                ]
            },
        ),
    ]

    def save_model(
        self, request: HttpRequest, obj: Tenant, form: Any, change: bool
    ) -> None:
        super().save_model(request, obj, form, change)
        if change and not WHERE.isdisjoint(form.changed_data):
            transaction.on_commit(lambda: self._look(request, obj))  # it may take long
        if change and "wwwroot" in form.changed_data:
            transaction.on_commit(lambda: self._tell(request, obj, checks.host(obj)))

    def _look(self, request: HttpRequest, tenant: Tenant) -> None:
        """Tell what the site lacks where it is now; it is saved all the same."""
        database = checks.database(tenant)
        if database.state == checks.OK:
            database = checks.tables(tenant)
        self._tell(request, tenant, database, checks.data(tenant))

    def _tell(
        self, request: HttpRequest, tenant: Tenant, *findings: checks.Finding
    ) -> None:
        for found in findings:
            if found.state != checks.OK:
                self.message_user(request, f"{tenant}: {found}", messages.WARNING)

    def kept(self, pks: list[int]) -> list[str]:
        return held.kept(Tenant.objects.filter(pk__in=pks))

    @admin.display(description=_("site"), ordering="wwwroot")
    def site(self, tenant: Tenant) -> SafeString:
        shown = tenant.wwwroot.partition("://")[2]
        return format_html('<a href="{}" rel="noopener">{}</a>', tenant.wwwroot, shown)

    @admin.display(description=_("state"), ordering="enabled")
    def status(self, tenant: Tenant) -> SafeString:
        if tenant.attention:
            return badge("failed", _("Needs attention"))
        if tenant.held_by:
            return badge("running", _("Busy"))
        if tenant.deleted_at:
            return badge("cancelled", _("Deleted"))
        if not tenant.enabled:
            return badge("skipped", _("Disabled"))
        return badge("succeeded", _("Main") if tenant.is_main else _("Enabled"))

    @admin.display(description=_("upgrade"))
    def code(self, tenant: Tenant) -> SafeString:
        if tenant.up_to_date is None:
            return NOTHING
        if tenant.up_to_date:
            return badge("succeeded", _("Up to date"))
        return badge("queued", _("Pending"))

    @admin.display(description=_("cron gap"), ordering="last_cron_gap")
    def cron(self, tenant: Tenant) -> str:
        gap = tenant.last_cron_gap
        return "–" if gap is None else f"{gap // 60} min"

    @admin.display(description=_("MNet key"), ordering="mnet_expires_at")
    def mnet_key(self, tenant: Tenant) -> SafeString | str:
        """Tell how long it serves; "–" where MNet is off or not there."""
        if tenant.mnet_expires_at is None:
            return "–"
        days = (tenant.mnet_expires_at - timezone.now()).days
        if days < 0:
            return badge("failed", _("Expired"))
        told = _("%(days)s d") % {"days": days}
        return badge("queued", told) if days < FEW_DAYS else told

    @admin.display(description=_("last job"), ordering="last_job_at")
    def job(self, tenant: Tenant) -> SafeString:
        if not tenant.last_job:
            return NOTHING
        label = tenant.last_state.replace("_", " ").capitalize()
        return format_html(
            '<a href="{}">{}</a> {}',
            reverse("admin:commands_job_view", args=[tenant.last_job]),
            tenant.last_command.partition("/")[2],
            # The label of a job's state, which the app above us has translated.
            badge(tenant.last_state, gettext(label)),
        )

    @admin.display(description=_("checks"))
    def checks(self, tenant: Tenant) -> SafeString | str:
        """Show what the last checks found; a page of one tenant alone asks."""
        last = Checkup.objects.filter(pk=tenant.pk).first()
        if last is None:
            return f"manage.py check_tenant --host={tenant.wwwroot}"
        found = format_html_join(
            "",
            "<li>{} {}</li>",
            (
                (badge(*CHECKED[one.state]), str(one))
                for one in (checks.Finding(**stored) for stored in last.findings)
            ),
        )
        at = localize(localtime(last.at))
        return format_html('<ul class="checks">{}</ul><p>{}</p>', found, at)


@admin.register(Tag)
class TagAdmin(admin.ModelAdmin):
    list_display = ["name"]
    search_fields = ["name"]
