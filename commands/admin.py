"""Runs in the console, and the commands as actions of the tenant list."""

from collections.abc import Callable
from typing import Any, ClassVar

from django import forms
from django.apps import apps
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from commands import progress
from commands.base import REFUSED, Command, all_commands, find
from commands.compare import Comparison
from commands.console import comparison, networks, tenant_buttons, views
from commands.console.actions import ActingAdmin
from commands.console.drafts import (
    MAY_NOT,
    draft,
    forget_old_drafts,
    is_dangerous,
    may_run,
)
from commands.console.newtenant import new_tenant
from commands.console.results_page import results_page
from commands.console.snapshot_admin import SnapshotAdmin
from commands.explained import CATEGORIES
from commands.models import Job, Run, SavedCommand
from commands.shell import options
from mnet.sites import lacks_mnet
from tenants.admin import TenantAdmin, badge
from tenants.admin_forms import FreshForm
from tenants.models import Snapshot, Tenant
from tenants.selection import SelectionError

# A schedule or a task names any function: editing them would be running code.
for model in apps.get_app_config("django_q").get_models():
    if admin.site.is_registered(model):
        admin.site.unregister(model)


def action_of(command: type[Command]) -> Callable[..., HttpResponse]:
    """Return the list action that prepares a run of the command."""

    def prepare(
        model_admin: Any, request: HttpRequest, queryset: QuerySet[Tenant]
    ) -> HttpResponse:
        if issubclass(command, Comparison):
            pks = queryset.values_list("pk", flat=True)
            return redirect(command.address(pks))
        run = draft(request, pks_of(queryset), command.name())
        return redirect("admin:commands_run_launch", run.pk)

    prepare.__name__ = command.name().replace("/", "_").lower()
    prepare.short_description = f"{command.name()}: {command.summary()}"  # type: ignore[attr-defined]
    return prepare


@admin.action(description=_("Another command ..."))
def any_command(
    model_admin: Any, request: HttpRequest, queryset: QuerySet[Tenant]
) -> HttpResponse:
    run = draft(request, pks_of(queryset), "")
    return redirect("admin:commands_run_choose", run.pk)


def pks_of(tenants: QuerySet[Tenant]) -> list[int]:
    return list(tenants.order_by("pk").values_list("pk", flat=True))


class LastJobFilter(admin.SimpleListFilter):
    title = _("last job")
    parameter_name = "last"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        there = set(Tenant.objects.values_list("last_state", flat=True).distinct())
        return [(s.value, str(s.label)) for s in Job.State if s in there]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Tenant]
    ) -> QuerySet[Tenant]:
        return queryset.filter(last_state=self.value()) if self.value() else queryset


admin.site.unregister(Tenant)
admin.site.register(Snapshot, SnapshotAdmin)


@admin.register(Tenant)
class CommandedTenantAdmin(TenantAdmin):
    """The tenant list of the registry, which knows no commands, with an action each."""

    first_step = _(
        "Add the first, or enter a whole list with manage.py bulkcreatenodes."
    )
    readonly_fields = [*TenantAdmin.readonly_fields, "its_network"]
    list_filter = [*TenantAdmin.list_filter, LastJobFilter]

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return new_tenant(request)

    def get_fieldsets(self, request: HttpRequest, obj: Tenant | None = None) -> Any:
        """Show the network where a site has MNet: a run changes it, on both sides."""
        found = super().get_fieldsets(request, obj)
        if obj is None or lacks_mnet(obj.release):
            return found
        shown = {"network": "its_network"}
        return [
            (title, {**of, "fields": [shown.get(str(n), n) for n in of["fields"]]})
            for title, of in found
        ]

    @admin.display(description=_("network"))
    def its_network(self, tenant: Tenant) -> SafeString:
        return format_html(
            '<a href="{}">{}</a><p class="quiet">{}</p>',
            networks.address(tenant.network),
            networks.title(tenant.network),
            _("The button Network changes it, and binds and unbinds both sides."),
        )

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        if (tenant := kwargs.get("obj")) is not None:
            context["buttons"] = tenant_buttons.buttons(request, tenant)
        return super().render_change_form(request, context, *args, **kwargs)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions: dict[str, Any] = super().get_actions(request)
        if request.user.has_perm("commands.operate"):
            title = any_command.short_description  # type: ignore[attr-defined]
            actions["any_command"] = (any_command, "any_command", title)
        for command in all_commands():
            if command.frequent and may_run(request, dangerous=command.dangerous):
                action = action_of(command)
                name = action.__name__
                actions[name] = (action, name, action.short_description)  # type: ignore[attr-defined]
        return actions

    def get_action_choices(self, request: HttpRequest, *args: Any) -> list[Any]:
        """Return the choices, the commands of one package in a group of their own."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for name, label in super().get_action_choices(request, *args):
            package, slash, rest = str(label).partition("/")
            group = str(CATEGORIES.get(package, package)) if slash else ""
            groups.setdefault(group, []).append((name, rest if slash else str(label)))
        plain = groups.pop("", [])
        single = [choice for choice in plain if choice[0] in {"", "any_command"}]
        registry = [choice for choice in plain if choice not in single]
        return [*single, *sorted(groups.items()), (_("Registry"), registry)]


class SavedCommandForm(FreshForm):
    """Checks the selection as the shell does."""

    class Meta:
        model = SavedCommand
        fields = ["name", "command", "attributes", "selection", "note"]
        widgets: ClassVar = {
            "attributes": forms.Textarea(attrs={"rows": 2}),
            "selection": forms.Textarea(attrs={"rows": 3}),
            "note": forms.Textarea(attrs={"rows": 2}),
        }

    def clean_selection(self) -> str:
        text: str = self.cleaned_data["selection"].strip()
        try:
            options.selection_of(text).resolve()
        except SelectionError as error:
            raise ValidationError(str(error)) from error
        return text


@admin.register(SavedCommand)
class SavedCommandAdmin(ActingAdmin):
    """Commands kept to be run again; to run one leads to its confirmation."""

    first_step = _("The page of a run that has ended keeps its command; or add one.")
    acts = ("run_it",)
    form = SavedCommandForm
    list_display = ["name", "command", "attributes", "selection", "saved_by"]
    list_filter = ["command"]
    search_fields = ["name", "command", "attributes", "selection", "note"]
    actions = ["run_it"]

    def save_model(
        self, request: HttpRequest, obj: SavedCommand, form: Any, change: bool
    ) -> None:
        obj.saved_by, obj.saved_at = request.user.get_username(), timezone.now()
        super().save_model(request, obj, form, change)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions: dict[str, Any] = super().get_actions(request)
        if not request.user.has_perm("commands.operate"):
            actions.pop("run_it", None)
        return actions

    @admin.action(description=_("Run it ..."))
    def run_it(
        self, request: HttpRequest, queryset: QuerySet[SavedCommand]
    ) -> HttpResponse | None:
        if queryset.count() != 1:
            messages.error(request, _("Choose one saved command to run."))
            return None
        saved = queryset.get()
        try:
            find(saved.command)  # it may be gone
            tenants = options.selection_of(saved.selection).resolve()
        except REFUSED as error:
            messages.error(request, " ".join(error.messages))
            return None
        forget_old_drafts()
        run = saved.draft(
            request.user.get_username(), "screen", [tenant.pk for tenant in tenants]
        )
        if not may_run(request, dangerous=is_dangerous(run)):
            messages.error(request, MAY_NOT)
            return None
        run.parallel = settings.VMOODLE_WORKERS
        run.save()
        return redirect("admin:commands_run_confirm", run.pk)


# How a run ended, or that it has not: its badge, what says so, which runs these are.
OUTCOMES = {
    "running": (_("Running"), Q(state=Run.State.RUNNING)),
    "failed": (_("With failures"), Q(state=Run.State.FINISHED, failed__gt=0)),
    "cancelled": (
        _("Stopped"),
        Q(state=Run.State.FINISHED, failed=0) & ~Q(stopped=""),
    ),
    "succeeded": (_("Finished"), Q(state=Run.State.FINISHED, failed=0, stopped="")),
}


class OutcomeFilter(admin.SimpleListFilter):
    title = _("state")
    parameter_name = "outcome"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(kind, label) for kind, (label, _runs) in OUTCOMES.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Run]) -> QuerySet[Run]:
        _label, runs = OUTCOMES.get(self.value() or "", ("", Q()))
        return queryset.filter(runs)


class OriginFilter(admin.SimpleListFilter):
    title = _("origin")
    parameter_name = "origin"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("screen", _("Console")),
            ("shell", _("Shell")),
            ("schedule", _("By itself")),
            (Run.FLEET_CRON, _("Crons of the fleet")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Run]) -> QuerySet[Run]:
        return queryset.filter(origin=self.value()) if self.value() else queryset


@admin.register(Run)
class RunAdmin(admin.ModelAdmin):
    first_step = _("Choose tenants in their list, then an action.")
    list_display = ["number", "command", "status", "progress", "actor", "took", "at"]
    list_filter = [OutcomeFilter, "command", OriginFilter]
    search_fields = ["=id", "command", "actor", "attributes"]
    list_per_page = 50
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Run]:
        # What is only prepared is no run yet.
        return super().get_queryset(request).exclude(state=Run.State.DRAFT)

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Lead to the page of a run, which says more than its columns do."""
        run = self.get_object(request, object_id)
        if run is None or not self.has_view_permission(request, run):
            return super().change_view(request, object_id, *args, **kwargs)
        return redirect("admin:commands_run_view", run.pk)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(
        self, request: HttpRequest, obj: Run | None = None
    ) -> bool:
        return False

    def has_delete_permission(
        self, request: HttpRequest, obj: Run | None = None
    ) -> bool:
        return False

    @admin.display(description="#", ordering="pk")
    def number(self, run: Run) -> SafeString:
        url = reverse("admin:commands_run_view", args=[run.pk])
        return format_html('<a href="{}">#{}</a>', url, run.pk)

    @admin.display(description=_("state"), ordering="state")
    def status(self, run: Run) -> SafeString:
        kind = "failed" if run.failed else "cancelled" if run.stopped else "succeeded"
        if run.state != Run.State.FINISHED:
            kind = "running"
        return badge(kind, OUTCOMES[kind][0])

    @admin.display(description=_("jobs"))
    def progress(self, run: Run) -> SafeString | str:
        said = _("%(number)s failed") % {"number": run.failed}
        failed = badge("failed", said) if run.failed else ""
        return format_html("{} / {} {}", run.done, run.total, failed)

    @admin.display(description=_("took"))
    def took(self, run: Run) -> str:
        return progress.duration(progress.seconds_taken(run)) if run.started_at else "–"

    @admin.display(description=_("started"), ordering="started_at")
    def at(self, run: Run) -> Any:
        return run.started_at

    def get_urls(self) -> list[URLPattern]:
        pages: list[tuple[str, Callable[..., HttpResponseBase], str]] = [
            ("run/<int:pk>/", views.run_page, "run_view"),
            ("run/<int:pk>/live/", views.run_live, "run_live"),
            ("run/<int:pk>/results/", results_page, "run_results"),
            ("compare/<str:category>/<str:name>/", comparison.compare_page, "compare"),
            (
                "compare/<str:category>/<str:name>/copy/",
                comparison.copy_cells,
                "compare_copy",
            ),
            *networks.PAGES,
            ("run/<int:pk>/choose/", views.choose, "run_choose"),
            ("run/<int:pk>/launch/", views.launch, "run_launch"),
            ("run/<int:pk>/confirm/", views.confirm, "run_confirm"),
            ("run/<int:pk>/cancel/", views.cancel, "run_cancel"),
            ("run/<int:pk>/retry/", views.retry, "run_retry"),
            ("tenant/<int:pk>/do/", tenant_buttons.do, "tenant_do"),
            ("job/<int:pk>/", views.job_page, "job_view"),
            ("job/<int:pk>/log/", views.job_log, "job_log"),
            ("job/<int:pk>/cancel/", views.cancel_job, "job_cancel"),
        ]
        ours = [
            path(
                f"of/{route}",
                self.admin_site.admin_view(view),
                name=f"commands_{name}",
            )
            for route, view, name in pages
        ]
        return [*ours, *super().get_urls()]
