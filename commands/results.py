"""What the jobs of a run brought home, as tables: of each tenant, or all in one.

A result with `columns` and `rows` is a table. Any other is made one: a dict is a row.
Jobs are read a few at a time, since a result may be large.
"""

import csv
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any, NamedTuple

from commands.base import Json
from commands.models import Job, Run

AT_ONCE = 10  # jobs in memory
TENANT = "tenant"  # the first column, when all are in one table
# What a spreadsheet takes for a formula, unless it is a number.
FORMULA = re.compile(r"[=+@\t\r-]")
NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")


class Ended(NamedTuple):
    """What is read of a job for its table: of a model twice as long."""

    pk: int
    wwwroot: str
    state: str
    result: Json


@dataclass
class Table:
    """The result of one job."""

    job: Job | Ended
    columns: list[str]
    rows: list[list[Json]]
    truncated: bool = False
    affected: int | None = None

    def only(self, text: str) -> "Table":
        """Return it with the rows that hold a text; all, if its tenant's name does."""
        wanted = text.casefold()
        if not wanted or wanted in self.job.wwwroot.casefold():
            return self
        return replace(self, rows=[row for row in self.rows if _holds(row, wanted)])

    def beside_tenant(self) -> "Table":
        """Return it so that none of its columns is taken for the tenant's."""
        if TENANT not in self.columns:
            return self
        names = [f"{name} (2)" if name == TENANT else name for name in self.columns]
        return replace(self, columns=names)


def _holds(row: Iterable[Json], wanted: str) -> bool:
    return any(wanted in str(cell).casefold() for cell in row if cell is not None)


@dataclass
class Columns:
    """The columns of many tables: each name once, in the order they came."""

    names: list[str] = field(default_factory=list)

    def places(self, table: Table) -> list[int]:
        """Return where a table's columns are, new ones at the end."""
        self.names += [name for name in table.columns if name not in self.names]
        return [self.names.index(name) for name in table.columns]

    def spread(self, cells: list[Json], places: list[int]) -> list[Json]:
        """Return a row as wide as all columns so far."""
        row: list[Json] = [None] * len(self.names)
        for place, cell in zip(places, cells, strict=False):
            row[place] = cell
        return row


def table_of(job: Job | Ended) -> Table | None:
    """Return a job's result as a table, or None if there is nothing to show."""
    result = job.result
    if isinstance(result, dict) and isinstance(result.get("rows"), list):
        return Table(
            job,
            [str(name) for name in result.get("columns", [])],
            [[_flat(cell) for cell in row] for row in result["rows"]],
            bool(result.get("truncated")),
            result.get("affected"),
        )
    records = result if isinstance(result, list) else [result]
    found = Columns()
    rows = []
    for record in records:
        values = record if isinstance(record, dict) else {"value": record}
        values = {k: v for k, v in values.items() if k != "exit_code"}
        places = found.places(Table(job, list(values), []))
        rows.append(found.spread([_flat(value) for value in values.values()], places))
    if result is None or not found.names:
        return None
    width = len(found.names)
    return Table(job, found.names, [row + [None] * (width - len(row)) for row in rows])


def _flat(value: Json) -> Json:
    """Return a value that fits a cell: what holds others as JSON."""
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return value


def tables(run: Run) -> Iterator[Table]:
    """Yield the tables of a run, also those without rows."""
    jobs = run.jobs.filter(result__isnull=False).order_by("pk")
    for row in jobs.values_list(*Ended._fields).iterator(chunk_size=AT_ONCE):
        if table := table_of(Ended(*row)):
            yield table


def has_tables(run: Run) -> bool:
    """Whether the first job with a result has anything to show."""
    job = run.jobs.filter(result__isnull=False).order_by("pk").first()
    return job is not None and table_of(job) is not None


def merged(run: Run, text: str = "") -> tuple[list[str], Iterator[list[Json]]]:
    """Return the columns and the rows of all tables in one, the tenant in front."""
    columns = Columns([TENANT])
    for table in tables(run):
        if table.only(text).rows:
            columns.places(table.beside_tenant())

    def rows() -> Iterator[list[Json]]:
        for table in tables(run):
            found = table.only(text).beside_tenant()
            places = columns.places(found) if found.rows else []
            for row in found.rows:
                cells = columns.spread(row, places)
                cells[0] = table.job.wwwroot
                yield cells

    return columns.names, rows()


class _Line:
    """What csv.writer writes to: it hands the line over."""

    def write(self, text: str) -> str:
        return text


def csv_lines(columns: list[str], rows: Iterable[list[Json]]) -> Iterator[str]:
    """Yield lines of CSV that no spreadsheet takes for formulas."""
    writer = csv.writer(_Line())
    head: list[Json] = [*columns]
    for row in chain([head], rows):
        yield writer.writerow([_harmless(cell) for cell in row])


def _harmless(cell: Json) -> Any:
    if isinstance(cell, str) and FORMULA.match(cell) and not NUMBER.fullmatch(cell):
        return f"'{cell}"
    return cell


def json_parts(run: Run, text: str = "", *, in_one: bool = False) -> Iterator[str]:
    """Yield a JSON document: a list of tables, or one table of all."""
    if in_one:
        columns, rows = merged(run, text)
        yield f'{{"run": {run.pk}, "columns": {_json(columns)}, "rows": '
        yield from _json_list(_json(row) for row in rows)
        yield "}\n"
    else:
        found = (table.only(text) for table in tables(run))
        described = (_described(t) for t in found if t.rows or not text)
        yield from _json_list(map(_json, described))
        yield "\n"


def _described(table: Table) -> dict[str, Any]:
    return {
        "wwwroot": table.job.wwwroot,
        "state": table.job.state,
        "columns": table.columns,
        "rows": table.rows,
        "truncated": table.truncated,
        "affected": table.affected,
    }


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _json_list(items: Iterable[str]) -> Iterator[str]:
    yield "["
    for number, item in enumerate(items):
        yield f",\n{item}" if number else item
    yield "]"


def plain(cell: Json) -> str:
    """Return a cell that moves no cursor: what does not print as Python writes it."""
    text = "" if cell is None else str(cell)
    return text if text.isprintable() else repr(text)[1:-1]
