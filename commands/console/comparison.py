"""The page of a comparison: a matrix to read, and to pick cells that are copied."""

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from commands.base import REFUSED, CommandFailed, UnknownCommand, find
from commands.cells import CellsField, written
from commands.compare import Comparison
from commands.console import matrix_html
from commands.console.drafts import may_run
from commands.console.views import page
from commands.matrix import Matrix, as_csv, as_json, narrowed, without_alike
from commands.models import Run
from commands.shell.equivalent import LISTED
from tenants.models import Tenant

MOST = 500  # sites on one page
CELLS = 20_000  # of one page, after which the rows go on on the next one
FORMATS = {"csv": (as_csv, "text/csv"), "json": (as_json, "application/json")}


def chosen(text: str) -> QuerySet[Tenant]:
    """Return the tenants of such a text, or all that are enabled for an empty one."""
    tenants = Tenant.objects.with_edges()
    if not text:
        return tenants.filter(enabled=True)
    pks: set[int] = set()
    for part in text.split(","):
        first, _dash, last = part.partition("-")
        if not re.fullmatch(r"[0-9]{1,9}(-[0-9]{1,9})?", part):
            raise Http404
        pks |= set(range(int(first), min(int(last or first), int(first) + 10**5) + 1))
    known = set(Tenant.objects.values_list("pk", flat=True))
    return tenants.filter(pk__in=pks & known)


def _command(category: str, name: str) -> type[Comparison]:
    try:
        command = find(f"{category}/{name}")
    except UnknownCommand:
        raise Http404 from None
    if not issubclass(command, Comparison):
        raise Http404
    return command


@permission_required("commands.operate", raise_exception=True)
def compare_page(request: HttpRequest, category: str, name: str) -> HttpResponse:
    """Ask for the parameters, and show the sites beside the reference."""
    command = _command(category, name)
    tenants = list(chosen(request.GET.get("tenants", ""))[: MOST + 1])
    form, matrix = _asked(request, command, tenants)
    if matrix and (format_ := FORMATS.get(request.GET.get("format", ""))):
        write, kind = format_
        answer = HttpResponse(write(matrix), content_type=f"{kind}; charset=utf-8")
        file = f"{command.name().replace('/', '-').lower()}.{request.GET['format']}"
        answer["Content-Disposition"] = f'attachment; filename="{file}"'
        return answer
    context: dict[str, Any] = {"command": command, "form": form, "tenants": tenants}
    if matrix:
        context |= _shown(request, form, matrix)
    return page(
        request,
        "compare",
        command.name(),
        **context,
        reference=matrix.sites[0].wwwroot if matrix else form["source"].value() or "",
        others=[name for name in command.base_fields if name != "source"],
        query=request.GET,
        formats={key: _with(request, format=key) for key in FORMATS},
        shell=_shell(command, form, tenants),
    )


def _asked(
    request: HttpRequest, command: type[Comparison], tenants: Sequence[Tenant]
) -> tuple[Comparison, Matrix | None]:
    """Return the form, bound if it was filled in, and the matrix if it can be made."""
    given = [(n, v) for n, v in request.GET.items() if n in command.base_fields]
    need = {n for n, field in command.base_fields.items() if field.required}
    if need - {name for name, value in given if value}:
        return command(initial=dict(given)), None
    try:
        form = command.from_attributes(urlencode(given))
        assert isinstance(form, Comparison)
        if not form.is_valid():
            return form, None
        if len(tenants) > MOST:
            said = _("Choose at most %(most)s tenants to compare")
            raise CommandFailed(said % {"most": MOST})
        whole = form.matrix(tenants, everything="all" in request.GET)
    except REFUSED as error:
        for sentence in error.messages:
            messages.error(request, sentence)
        return command(initial=dict(given)), None
    found = narrowed(whole, request.GET.get("q", ""))
    return form, found if "alike" in request.GET else without_alike(found)


def _shown(request: HttpRequest, form: Comparison, matrix: Matrix) -> dict[str, Any]:
    """Return what the page shows of a matrix."""
    per_page = max(20, CELLS // len(matrix.sites))
    rows = Paginator(matrix.rows, per_page).get_page(request.GET.get("p"))
    return {
        "matrix": matrix,
        "heads": matrix_html.heads(matrix, lambda site: _with(request, source=site)),
        "rows": rows,
        "lines": [matrix_html.line(matrix, form, row) for row in rows],
        "legend": matrix_html.legend(matrix),
        "problems": [site for site in matrix.sites if site.problem],
        "attributes": form.attributes(),
        "turn": {
            "all": _with(request, all=None if "all" in request.GET else "1"),
            "alike": _with(request, alike=None if "alike" in request.GET else "1"),
            "previous": _with(request, p=str(rows.number - 1)),
            "next": _with(request, p=str(rows.number + 1)),
        },
    }


def _with(request: HttpRequest, **changes: str | None) -> str:
    """Return this page's query with other values, without those that are None."""
    query = request.GET.copy()
    if "p" not in changes:
        query.pop("p", None)
    for name, value in changes.items():
        query.pop(name, None)
        if value is not None:
            query[name] = value
    return f"?{query.urlencode()}"


def _shell(
    command: type[Comparison], form: Comparison, tenants: Sequence[Tenant]
) -> str:
    hosts = ",".join(t.wwwroot for t in tenants) if len(tenants) <= LISTED else "…"
    attributes = form.attributes() if form.is_bound and form.is_valid() else "…"
    return (
        f"manage.py run_command --command={command.name()} --tohosts='{hosts}' "
        f"--attributes='{attributes}'"
    )


@require_POST
@permission_required("commands.operate", raise_exception=True)
def copy_cells(request: HttpRequest, category: str, name: str) -> HttpResponse:
    """Prepare a run that copies the picked cells from the reference."""
    comparison = _command(category, name)
    command = find(comparison.syncs)
    if not may_run(request, dangerous=command.dangerous):
        raise PermissionDenied
    back = request.POST.get("back", "")
    back = comparison.address() + (back if back.startswith("?") else "")
    try:
        cells = CellsField(max_length=2**22).clean(request.POST.get("picked", ""))
        given = dict(parse_qsl(request.POST.get("attributes", "")))
        shared = {n: v for n, v in given.items() if n in command.base_fields}
        form = command.from_attributes(urlencode(shared | {"cells": written(cells)}))
        if not form.is_valid():
            raise ValidationError([e for es in form.errors.values() for e in es])
    except ValidationError as error:
        said = (
            error.messages if request.POST.get("picked") else [_("Pick cells first.")]
        )
        for sentence in said:
            messages.error(request, sentence)
        return redirect(back)
    targets = Tenant.objects.filter(wwwroot__in=cells).order_by("pk")
    run = Run.objects.create(
        command=command.name(),
        attributes=form.attributes(),
        targets=list(targets.values_list("pk", flat=True)),
        parallel=settings.VMOODLE_WORKERS,
        actor=request.user.get_username(),
    )
    return redirect("admin:commands_run_confirm", run.pk)
