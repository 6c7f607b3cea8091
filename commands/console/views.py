"""The pages of a run: parameters, confirmation, and its live page."""

from contextlib import suppress
from hashlib import sha256
from itertools import groupby
from typing import Any
from urllib.parse import parse_qsl

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from commands.base import REFUSED, Command, UnknownCommand, all_commands, find
from commands.compare import Comparison
from commands.console.drafts import MAY_NOT, is_dangerous, may_run
from commands.console.live import live
from commands.console.rerun import RETRY, ways
from commands.explained import CATEGORIES
from commands.models import Job, Run
from commands.progress import duration
from commands.results import has_tables, table_of
from commands.shell.equivalent import shell_line
from commands.shell.options import as_number, canary_of
from tenants.models import Tenant
from tenants.reach import check_reach
from tenants.selection import SelectionError


class RunOptions(forms.Form):
    """How a run is carried out, whatever its command."""

    parallel = forms.IntegerField(
        label=_("Jobs at once"), min_value=1, max_value=200, required=False
    )
    max_failures = forms.RegexField(
        r"^\s*[1-9][0-9]{0,5}\s*%?\s*$",
        label=_("Stop after so many failures"),
        required=False,
        help_text=_("A number, or a percentage such as 5%."),
        error_messages={"invalid": _("Give a number above 0, or a percentage: 5%%.")},
    )
    canary = forms.CharField(
        label=_("Canary"),
        max_length=60,
        required=False,
        help_text=_(
            "So many tenants go first, or those with a tag; the others only if all of "
            "them succeed."
        ),
    )

    def __init__(self, run: Run, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.run = run

    def clean_canary(self) -> str:
        text: str = self.cleaned_data["canary"]
        try:
            canary_of(text or None, self.run)
        except SelectionError as error:
            raise ValidationError(error.messages) from error
        return text


def page(
    request: HttpRequest, template: str, title: str, **context: Any
) -> HttpResponse:
    context |= {**admin.site.each_context(request), "title": title}
    return render(request, f"admin/commands/{template}.html", context)


@permission_required("commands.operate", raise_exception=True)
def choose(request: HttpRequest, pk: int) -> HttpResponse:
    """Show every command; the chosen one is the draft's."""
    run = get_object_or_404(Run, pk=pk, state=Run.State.DRAFT)
    allowed = [
        command
        for command in all_commands()
        if may_run(request, dangerous=command.dangerous)
    ]
    if request.method == "POST":
        command = _found(request.POST.get("command", ""))
        if command not in allowed:
            raise PermissionDenied
        if issubclass(command, Comparison):  # it needs no run
            run.delete()
            return redirect(command.address(run.targets))
        draft = Run.objects.filter(pk=pk, state=Run.State.DRAFT)
        draft.update(command=command.name(), attributes="")
        return redirect("admin:commands_run_launch", pk)
    groups = groupby(allowed, key=lambda command: command.category())
    return page(
        request,
        "choose",
        gettext("Choose a command"),
        run=run,
        groups=[(CATEGORIES.get(name, name), list(group)) for name, group in groups],
    )


def _found(name: str) -> type[Command]:
    try:
        return find(name)
    except UnknownCommand as error:  # gone since the page was shown, the draft made
        raise Http404(str(error)) from error


def _draft(request: HttpRequest, pk: int) -> tuple[Run, type[Command]]:
    run = get_object_or_404(Run, pk=pk)
    command = _found(run.command)
    if not may_run(request, dangerous=is_dangerous(run)):
        raise PermissionDenied
    return run, command


def launch(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for the parameters of a draft."""
    if Run.objects.filter(pk=pk, command="").exists():
        return redirect("admin:commands_run_choose", pk)
    run, command = _draft(request, pk)
    if run.state != Run.State.DRAFT:
        return redirect("admin:commands_run_view", pk)
    form = (
        command(request.POST)
        if request.POST
        else command(initial=_initial(run, command))
    )
    options = _options(request, run)
    if request.POST and _acceptable(request, form) and options.is_valid():
        _take_over(run, form, options.cleaned_data)
        canary = options.cleaned_data["canary"]
        query = {"canary": canary} if canary else None
        return redirect(reverse("admin:commands_run_confirm", args=[pk], query=query))
    return page(
        request,
        "launch",
        run.command,
        run=run,
        command=command,
        form=form,
        options=options,
        first=Tenant.objects.filter(pk__in=run.targets)[:3],
    )


def _take_over(run: Run, form: Command, chosen: dict[str, Any]) -> None:
    """Store what was chosen, unless another page has started the run meanwhile."""
    limit = chosen["max_failures"]
    Run.objects.filter(pk=run.pk, state=Run.State.DRAFT).update(
        attributes=form.attributes(),
        secrets=form.secrets(),
        parallel=chosen["parallel"] or settings.VMOODLE_WORKERS,
        max_failures=as_number(limit, len(run.targets)) if limit else None,
        open_wave=1,
    )


def _options(request: HttpRequest, run: Run) -> RunOptions:
    """Return how the draft is to be run; who comes back finds what was chosen."""
    chosen = {
        "parallel": run.parallel or settings.VMOODLE_WORKERS,
        "max_failures": run.max_failures,
        "canary": request.GET.get("canary"),
    }
    return RunOptions(run, request.POST or None, prefix="run", initial=chosen)


def _acceptable(request: HttpRequest, form: Command) -> bool:
    """Whether the parameters are valid, and not more dangerous than the user may."""
    if not form.is_valid():
        return False
    if not may_run(request, dangerous=form.is_dangerous()):
        form.add_error(None, MAY_NOT)
    return form.is_valid()


def _initial(run: Run, command: type[Command]) -> dict[str, Any]:
    try:
        data = command.from_attributes(run.attributes).data if run.attributes else {}
    except ValidationError:  # of another version's parameters: all are asked anew
        data = {}
    return {name: data[name] for name in data}


def confirm(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the frozen list and the shell command; start the run on POST."""
    run, command = _draft(request, pk)
    if run.state != Run.State.DRAFT:
        return redirect("admin:commands_run_view", pk)
    first = _first(request, run)
    if first is None:
        return redirect("admin:commands_run_launch", pk)
    targets = _targets(run, first)
    told = _told(run, targets, first)
    canary = request.GET.get("canary", "") if isinstance(first, list) else first
    dangerous, wrong = is_dangerous(run), ""
    if request.method == "POST":
        to_type = told["to_type"]
        if dangerous and request.POST.get("typed", "").strip() != to_type:
            wrong = _("Type %(text)s to go on: nothing was done") % {"text": to_type}
        elif _start(request, run, first, told["shown"]):
            return redirect("admin:commands_run_view", pk)
    return page(
        request,
        "confirm",
        _title(run, len(targets)),
        run=run,
        command=command,
        dangerous=dangerous,
        wrong=wrong,
        **told,
        canary=canary,
        parameters=parse_qsl(run.attributes),
        shell=shell_line(run, [tenant.wwwroot for tenant in targets], canary),
    )


def _first(request: HttpRequest, run: Run) -> list[int] | int | None:
    """Return who goes first, or how many do; None when nobody has the tag any more."""
    try:
        first = canary_of(request.GET.get("canary") or None, run)
    except SelectionError as error:
        messages.error(request, str(error))
        return None
    return min(first, len(run.targets)) if isinstance(first, int) else first


def _title(run: Run, number: int) -> str:
    said = ngettext("%(command)s: %(n)s tenant", "%(command)s: %(n)s tenants", number)
    return said % {"command": run.command, "n": number}


def _targets(run: Run, first: list[int] | int) -> list[Tenant]:
    """Return the run's tenants in its order, of which the canary is the beginning."""
    pks: list[int] = run.targets
    if isinstance(first, list):
        pks = sorted(pks, key=lambda pk: pk not in first)
    shown = ["name", "wwwroot", "is_main", "enabled", "release__name"]
    tenants = Tenant.objects.select_related("release").only(*shown)
    found = tenants.in_bulk(run.targets)
    return [found[pk] for pk in pks if pk in found]


def _told(run: Run, targets: list[Tenant], first: list[int] | int) -> dict[str, Any]:
    """Return what a confirmation tells of the tenants, of each and of all.

    `shown` is what it is of: other pages, and time, may change it.
    """
    told: dict[int, str] = {}
    with suppress(ValidationError):  # it cannot start like this
        told = run.form().tells(targets)
    digest = sha256(repr(sorted(told.items())).encode()).hexdigest()
    return {
        "targets": [(tenant, told.get(tenant.pk, "")) for tenant in targets],
        "number": len(targets),
        "to_type": str(len(targets)) if len(targets) != 1 else targets[0].wwwroot,
        "ahead": first if isinstance(first, int) else len(first),
        "by_tag": isinstance(first, list),
        "main": next((tenant for tenant in targets if tenant.is_main), None),
        "disabled": sum(not tenant.enabled for tenant in targets),
        "shown": f"{run.command}?{run.attributes} {run.parallel} {run.max_failures}"
        f" {digest}",
    }


def _start(request: HttpRequest, run: Run, canary: list[int] | int, shown: str) -> bool:
    if request.POST.get("shown", shown) != shown:
        changed = _("What it does has changed: look again; nothing was done.")
        messages.error(request, changed)
        return False
    try:
        tenants = Tenant.objects.filter(pk__in=run.targets)
        check_reach(list(tenants.prefetch_related("server", "release")))
        run.start(canary=canary)
    except REFUSED as error:
        for sentence in error.messages:
            messages.error(request, sentence)
        return False
    return True


@permission_required("commands.view_run", raise_exception=True)
def run_page(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a run while it goes on."""
    run = get_object_or_404(Run.objects.select_related("retry_of"), pk=pk)
    if run.state == Run.State.DRAFT:
        return redirect("admin:commands_run_launch", pk)
    return page(
        request,
        "run",
        str(run),
        **ways(request, run),
        parameters=parse_qsl(run.attributes),
        has_tables=has_tables(run),
        can_cancel=run.state == Run.State.RUNNING
        and run.jobs.filter(state__in=Job.OPEN, cancel_requested=False).exists(),
        **live(request, run),
    )


@permission_required("commands.view_run", raise_exception=True)
def run_live(request: HttpRequest, pk: int) -> HttpResponse:
    """Return the part of the run page that changes."""
    run = get_object_or_404(Run, pk=pk)
    answer = render(request, "admin/commands/_live.html", live(request, run))
    if run.state == Run.State.FINISHED:
        answer["HX-Refresh"] = "true"  # the buttons of the page change as well
    return answer


@permission_required("commands.view_run", raise_exception=True)
def job_page(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one job with its output, which follows while it runs."""
    job = get_object_or_404(Job.objects.select_related("run"), pk=pk)
    text, seq = job.text()
    return page(request, "job", job.wwwroot, **_job(request, job), text=text, seq=seq)


def _job(request: HttpRequest, job: Job) -> dict[str, Any]:
    """Return what the page of a job says above its output."""
    goes_on = job.state in Job.OPEN and not job.cancel_requested
    return {
        "job": job,
        "table": table_of(job),
        "took": duration(job.seconds),
        "can_cancel": goes_on and request.user.has_perm("commands.operate"),
    }


@permission_required("commands.view_run", raise_exception=True)
def job_log(request: HttpRequest, pk: int) -> HttpResponse:
    """Return the output behind the first `?after=` characters.

    With it comes what stands above it, if that is not of the `?state=` any more.
    """
    job = get_object_or_404(Job.objects.select_related("run"), pk=pk)
    after = request.GET.get("after", "0")
    text, seq = job.text(int(after) if after.isdigit() else 0)
    context: dict[str, Any] = {"job": job, "text": text, "seq": seq}
    if job.state != request.GET.get("state", job.state):
        context |= {"changed": True, **_job(request, job)}
    return render(request, "admin/commands/_log.html", context)


@require_POST
@permission_required("commands.operate", raise_exception=True)
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    get_object_or_404(Run, pk=pk).cancel(request.user.get_username())
    return redirect("admin:commands_run_view", pk)


@require_POST
@permission_required("commands.operate", raise_exception=True)
def cancel_job(request: HttpRequest, pk: int) -> HttpResponse:
    job = get_object_or_404(Job.objects.select_related("run"), pk=pk)
    job.run.cancel(request.user.get_username(), Q(pk=pk))
    return redirect("admin:commands_job_view", pk)


@require_POST
@permission_required("commands.operate", raise_exception=True)
def retry(request: HttpRequest, pk: int) -> HttpResponse:
    """Prepare a new run, linked to this one, of some of its jobs."""
    run = get_object_or_404(Run, pk=pk)
    try:
        command = find(run.command)
    except UnknownCommand as error:
        messages.error(request, str(error))
        return redirect("admin:commands_run_view", pk)
    states = RETRY.get(request.POST.get("which", ""), RETRY["failed"])
    draft = run.retry(states, request.user.get_username(), "screen")
    draft.save()
    # Passwords are forgotten when a run ends: ask for them again.
    asks = command.secret_names() or not _is_complete(draft)
    step = "launch" if asks else "confirm"
    return redirect(f"admin:commands_run_{step}", draft.pk)


def _is_complete(run: Run) -> bool:
    try:
        run.form()
    except ValidationError:
        return False
    return True
