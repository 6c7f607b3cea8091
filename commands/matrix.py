"""Sites side by side: what differs from one of them, the reference. Pure data.

A site has a column: cells by the name of their row. Whoever reads the columns says
what a cell holds and how it looks; here they are set beside each other.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.utils.translation import gettext_lazy as _


class Cell(NamedTuple):
    """What a site has in one row."""

    value: str  # what is compared
    kind: str  # how it looks: a key of the legend
    text: str = ""  # what is shown after the words of the kind
    note: str = ""  # further details
    mark: str = ""  # a sign beside it, which the note explains


Column = dict[str, Cell]
UNREAD = Cell("", "unread")  # of a site that could not be read


class Site(NamedTuple):
    """A column with its heading; with a problem, it has no cells."""

    pk: int
    wwwroot: str
    name: str
    cells: Column
    problem: str = ""


class Row(NamedTuple):
    name: str
    cells: Sequence[Cell]  # one per site, the reference's first
    differs: Sequence[bool]


def said(words: Mapping[str, Any], cell: Cell) -> str:
    """Return what a cell shows: the words of its kind, and its own text."""
    return " ".join(filter(None, (str(words[cell.kind]), cell.text)))


@dataclass(frozen=True)
class Matrix:
    """Rows of cells over sites, of which the first is the reference."""

    sites: Sequence[Site]
    rows: Sequence[Row]
    words: Mapping[str, Any]  # what each kind means
    compared: int = 0  # rows, before any were left out
    alike: int = 0  # sites left out, as like the reference

    def said(self, cell: Cell) -> str:
        """Return what a cell shows, in words."""
        return said(self.words, cell)


def compare(
    reference: Site,
    others: Sequence[Site],
    words: Mapping[str, Any],
    *,
    absent: Cell,
    everything: bool = False,
) -> Matrix:
    """Return the rows in which any site differs from the reference, or all rows.

    A site without a row has the `absent` cell there; one that could not be read
    differs in nothing.
    """
    sites = [reference, *others]
    names = sorted({name for site in sites for name in site.cells})
    rows = []
    for name in names:
        cells = [
            UNREAD if site.problem else site.cells.get(name, absent) for site in sites
        ]
        wanted = cells[0].value
        differs = [cell.value != wanted and cell.kind != UNREAD.kind for cell in cells]
        if everything or True in differs:
            rows.append(Row(name, cells, differs))
    known = {**words, UNREAD.kind: _("not readable")}
    return Matrix(sites, rows, known, compared=len(names))


def narrowed(matrix: Matrix, text: str) -> Matrix:
    """Return the rows whose name holds all the words of a text, whatever their case."""
    wanted = text.casefold().split()
    rows = [
        row
        for row in matrix.rows
        if all(word in row.name.casefold() for word in wanted)
    ]
    return Matrix(matrix.sites, rows, matrix.words, matrix.compared, matrix.alike)


def without_alike(matrix: Matrix) -> Matrix:
    """Return it without the sites that differ from the reference in no row."""
    kept = [
        at
        for at, site in enumerate(matrix.sites)
        if at == 0 or site.problem or any(row.differs[at] for row in matrix.rows)
    ]
    rows = [
        Row(row.name, [row.cells[at] for at in kept], [row.differs[at] for at in kept])
        for row in matrix.rows
    ]
    sites = [matrix.sites[at] for at in kept]
    left = len(matrix.sites) - len(sites)
    return Matrix(sites, rows, matrix.words, matrix.compared, matrix.alike + left)


def as_lists(matrix: Matrix) -> Iterator[list[str]]:
    """Yield the lines of a table: the heading, then one per row."""
    yield ["", *(site.wwwroot for site in matrix.sites)]
    for row in matrix.rows:
        yield [row.name, *(matrix.said(cell) for cell in row.cells)]


def as_csv(matrix: Matrix) -> str:
    """Return the table for a spreadsheet, in which no text counts as a formula."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    for line in as_lists(matrix):
        writer.writerow(_inert(text) for text in line)
    return file.getvalue()


def _inert(text: str) -> str:
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def as_json(matrix: Matrix) -> str:
    """Return the reference, the problems, and by row the cells of each site."""
    reference, *others = matrix.sites
    rows = [
        {
            "row": row.name,
            "reference": matrix.said(row.cells[0]),
            "sites": {
                site.wwwroot: matrix.said(cell)
                for site, cell in zip(others, row.cells[1:], strict=True)
                if not site.problem
            },
            "differ": [
                site.wwwroot
                for site, differs in zip(others, row.differs[1:], strict=True)
                if differs
            ],
        }
        for row in matrix.rows
    ]
    problems = {site.wwwroot: site.problem for site in others if site.problem}
    whole = {"reference": reference.wwwroot, "rows": rows, "problems": problems}
    return json.dumps(whole, ensure_ascii=False, indent=1)


def as_text(matrix: Matrix) -> Iterator[str]:
    """Yield lines for a shell: by row the sites that differ, those alike together."""
    reference, *others = matrix.sites
    for row in matrix.rows:
        yield f"{row.name}: {matrix.said(row.cells[0])}"
        groups: dict[str, list[str]] = {}
        for site, cell, differs in zip(
            others, row.cells[1:], row.differs[1:], strict=True
        ):
            if differs:
                groups.setdefault(matrix.said(cell), []).append(site.wwwroot)
        for said, wwwroots in groups.items():
            yield f"    {said} ({len(wwwroots)}): {', '.join(wwwroots)}"
    for site in others:
        if site.problem:
            yield f"{site.wwwroot}: {site.problem}"
    yield _summary(matrix)


def _summary(matrix: Matrix) -> str:
    differing = sum(True in row.differs for row in matrix.rows)
    sites = sum(
        any(row.differs[at] for row in matrix.rows)
        for at in range(1, len(matrix.sites))
    )
    return (
        f"{differing} of {matrix.compared} rows differ, on {sites} of "
        f"{len(matrix.sites) - 1} sites, from {matrix.sites[0].wwwroot}"
    )


def differences(matrix: Matrix, at: int) -> Iterable[Row]:
    """Yield the rows in which one site differs, as rows of these two."""
    for row in matrix.rows:
        if row.differs[at]:
            yield Row(row.name, [row.cells[0], row.cells[at]], [False, True])
