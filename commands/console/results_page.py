"""The page of a run's results: tables to look at, filter, sort and take away."""

import shlex
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import chain, groupby
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    StreamingHttpResponse,
)
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _

from commands import results
from commands.base import Json
from commands.console.views import page
from commands.models import Job, Run
from commands.results import NUMBER, TENANT, Columns, Ended, Table

PER_PAGE = 100
MOST = 5_000  # rows of all pages; whoever wants more takes CSV or JSON
LOOKED_AT = 200_000  # rows that are searched for them
SHORT = 160  # characters of a cell: a longer one opens


class Row(NamedTuple):
    """A row of the table of all tenants."""

    job: Job | Ended
    cells: list[Json]
    own: list[int]  # where its tenant's columns are


class Cell(NamedTuple):
    """A cell as it is shown."""

    text: str
    kind: str  # number, nothing or ""
    rest: str = ""  # what follows a text that is cut


@dataclass
class Found:
    """What there is to show, of the rows that hold a text."""

    columns: Columns = field(default_factory=lambda: Columns([TENANT]))
    rows: list[Row] = field(default_factory=list)
    tenants: int = 0
    empty: int = 0
    cut: int = 0
    more: bool = False

    def add(self, table: Table, text: str) -> None:
        found = table.only(text).beside_tenant()
        self.tenants += 1
        self.empty += not table.rows
        self.cut += table.truncated
        own = self.columns.places(found) if found.rows else []
        for row in found.rows[: MOST - len(self.rows)]:
            cells = self.columns.spread(row, own)
            cells[0] = table.job.wwwroot
            self.rows.append(Row(table.job, cells, own))
        self.more = self.more or len(self.rows) >= MOST


def find(run: Run, text: str) -> Found:
    """Return the rows to show: so many that a browser and we can bear them."""
    found, looked_at = Found(), 0
    for table in results.tables(run):
        if found.more or looked_at > LOOKED_AT:
            found.more = True
            break
        found.add(table, text)
        looked_at += len(table.rows)
    return found


@permission_required("commands.view_run", raise_exception=True)
def results_page(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Show the results of a run, or hand them out as `?format=csv` or `json`."""
    run = get_object_or_404(Run, pk=pk)
    text = request.GET.get("q", "").strip()[:200]
    if request.GET.get("format") in FORMATS:
        return _download(run, request.GET["format"], text)
    found = find(run, text)
    column = _sort(found, request.GET.get("sort", ""))
    rows = Paginator(found.rows, PER_PAGE).get_page(request.GET.get("p"))
    return page(
        request,
        "results",
        _("Results of %(run)s") % {"run": run},
        run=run,
        found=found,
        without=run.total - found.tenants if not found.more else 0,
        text=text,
        rows=rows,
        tables=_tables(
            rows, _headers(request, found, column), apart="by" in request.GET
        ),
        links=_links(request),
        shell=shlex.join(
            ["manage.py", "results", str(pk)] + ([f"--filter={text}"] if text else [])
        ),
    )


def _download(run: Run, kind: str, text: str) -> HttpResponse | StreamingHttpResponse:
    if kind == "csv":
        columns, rows = results.merged(run, text)
        # Spreadsheets take a file for UTF-8 only if it begins like this.
        parts = chain(["\ufeff"], results.csv_lines(columns, rows))
    else:
        parts = chain(results.json_parts(run, text))
    name = f"run-{run.pk}.{kind}"
    return StreamingHttpResponse(
        parts,
        content_type=FORMATS[kind],
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


FORMATS = {"csv": "text/csv; charset=utf-8", "json": "application/json"}


def _sort(found: Found, wanted: str) -> int | None:
    """Sort by a column, `-N` downwards; return it if there is such a column."""
    number = wanted.removeprefix("-")
    if not number.isdecimal() or int(number) >= len(found.columns.names):
        return None
    column = int(number)
    found.rows.sort(
        key=lambda row: _order(row.cells, column), reverse=wanted.startswith("-")
    )
    return column


def _order(cells: list[Json], column: int) -> tuple[int, float, str]:
    value = cells[column] if column < len(cells) else None
    if value is None:
        return 0, 0, ""
    if isinstance(value, int | float):
        return 1, value, ""
    if NUMBER.fullmatch(str(value)):
        return 1, float(str(value)), ""
    return 2, 0, str(value).casefold()


@dataclass
class Header:
    """The head of a column, and the link that turns its order round."""

    name: str
    link: str
    order: str = ""  # as aria-sort has it
    number: bool = False  # whether all its cells are


def _headers(request: HttpRequest, found: Found, column: int | None) -> list[Header]:
    upwards = not request.GET.get("sort", "").startswith("-")
    headers = []
    for number, name in enumerate(found.columns.names):
        order = "" if number != column else "ascending" if upwards else "descending"
        turned = f"-{number}" if order == "ascending" else str(number)
        title = _("Tenant") if number == 0 else name
        headers.append(Header(title, _query(request, sort=turned), order))
    return headers


def _tables(
    rows: Iterable[Row], headers: list[Header], *, apart: bool
) -> list[dict[str, Any]]:
    """Return what is shown: one table, or one of each tenant, as they come."""
    if not apart:
        return [_table(None, list(rows), headers, list(range(1, len(headers))))]
    tables = []
    for job, group in groupby(rows, key=lambda row: row.job):
        own = list(group)
        tables.append(_table(job, own, headers, own[0].own))
    return tables


def _table(
    job: Job | Ended | None, rows: list[Row], headers: list[Header], columns: list[int]
) -> dict[str, Any]:
    jobs = [row.job for row in rows]
    shown = [[_cell(row.cells, n) for n in columns] for row in rows]
    numeric = [_is_numeric(cells) for cells in zip(*shown, strict=True)]
    numeric = numeric or [False] * len(columns)
    heads = [
        replace(headers[n], number=number)
        for n, number in zip(columns, numeric, strict=True)
    ]
    for cells in shown:  # numbers among texts stand where these stand
        cells[:] = [
            cell._replace(kind="") if cell.kind == "number" and not number else cell
            for cell, number in zip(cells, numeric, strict=True)
        ]
    lines = list(zip(jobs, shown, strict=True))
    return {"job": job, "rows": lines, "headers": heads if job else headers[:1] + heads}


def _is_numeric(cells: Iterable[Cell]) -> bool:
    return {cell.kind for cell in cells} - {"nothing"} == {"number"}


def _cell(cells: list[Json], column: int) -> Cell:
    value = cells[column] if column < len(cells) else None
    if value is None:
        return Cell("–", "nothing")
    text = str(value)
    if NUMBER.fullmatch(text) and len(text) < 20:
        return Cell(text, "number")
    return Cell(text[:SHORT], "", text[SHORT:])


def _query(request: HttpRequest, **changes: str) -> str:
    """Return the querystring of this page with changes; an empty value is left out."""
    given = {name: request.GET.get(name, "") for name in ("q", "sort", "by")}
    return urlencode({k: v for k, v in (given | changes).items() if v})


def _links(request: HttpRequest) -> dict[str, str]:
    return {
        "one": _query(request, by=""),
        "apart": _query(request, by="tenant", sort=""),
        "csv": _query(request, format="csv", sort="", by=""),
        "json": _query(request, format="json", sort="", by=""),
        "page": _query(request),
    }
