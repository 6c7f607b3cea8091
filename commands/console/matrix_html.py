"""A matrix as HTML: thousands of cells, which a template would take seconds for."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe

from commands.compare import Comparison
from commands.matrix import Cell, Matrix, Row

ICONS = {
    "on": "✓",
    "available": "◐",
    "off": "✕",
    "installed": "●",
    "absent": "–",
    "unread": "?",
    "allow": "✓",
    "prevent": "⊖",
    "prohibit": "✕",
    "unset": "·",
    "secret": "∗∗∗",
    "forced": "!",
}
LONGEST = 30  # characters of a text in a cell; all of it is in the title


class Head(NamedTuple):
    """The heading of a column."""

    wwwroot: str
    shown: str
    name: str
    differing: int
    problem: str
    link: str  # makes it the reference


def heads(matrix: Matrix, link: Callable[[str], str]) -> list[Head]:
    numbers = [0] * len(matrix.sites)
    for row in matrix.rows:
        for at, differs in enumerate(row.differs):
            numbers[at] += differs
    return [
        Head(
            site.wwwroot,
            site.wwwroot.partition("://")[2],
            site.name,
            number,
            site.problem,
            link(site.wwwroot),
        )
        for site, number in zip(matrix.sites, numbers, strict=True)
    ]


def legend(matrix: Matrix) -> list[tuple[str, str, Any]]:
    """Return (kind, icon, words) of the kinds that are there."""
    there = {cell.kind for row in matrix.rows for cell in row.cells}
    return [
        (kind, ICONS[kind], words)
        for kind, words in matrix.words.items()
        if kind in there and kind in ICONS
    ]


def line(matrix: Matrix, form: Comparison, row: Row) -> tuple[str, SafeString]:
    """Return a row's name and its cells."""
    wanted = row.cells[0]
    parts = [
        _cell(
            cell,
            matrix.said(cell),
            differs,
            differs and form.copies(wanted, cell),
            cell.kind == wanted.kind and cell.note != wanted.note and not differs,
        )
        for cell, differs in zip(row.cells, row.differs, strict=True)
    ]
    return row.name, mark_safe("".join(parts))  # noqa: S308 - of escaped parts


@lru_cache(8192)
def _cell(cell: Cell, said: str, differs: bool, picks: bool, other: bool) -> SafeString:
    """Return a cell; `picks`: it can be picked, `other`: its details are not alike."""
    title = f"{said} – {cell.note}" if cell.note else said
    shown: str = ICONS.get(cell.kind, "")
    if cell.text and cell.kind not in ("on", "off", "available", "installed"):
        short = cell.text[:LONGEST] + ("…" if len(cell.text) > LONGEST else "")
        shown = f"{shown} {short}".strip()
    inner = conditional_escape(shown + cell.mark)
    kind = f"{cell.kind}{' d' if differs else ''}{' o' if other else ''}"
    if picks:
        return format_html(
            '<td class="{}"><button type="button" class="pick" tabindex="-1" '
            'aria-pressed="false" aria-label="{}" title="{}">{}</button></td>',
            *(kind, title, title, inner),
        )
    return format_html(
        '<td class="{}" title="{}"><span role="img" aria-label="{}">{}</span></td>',
        *(kind, title, title, inner),
    )
