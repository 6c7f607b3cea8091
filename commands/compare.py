"""The bases of commands that set sites side by side, and make them alike.

A pair shares how columns are read, by SQL, many sites in one statement: a
`Comparison` shows what differs from the reference, a `Sync` copies the cells.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, ClassVar

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from commands.agent import AgentCommand
from commands.base import CommandFailed, Json, NothingToDo, Steps
from commands.cells import CellsField
from commands.matrix import Cell, Column, Matrix, Site, compare, differences, said
from commands.source import SourceCommand, TenantField
from tenants.models import Tenant

SHOWN = 5  # names in a sentence; more are told by their number


class Compared(SourceCommand):
    """What is compared: how its columns are read, and how its cells are told."""

    words: ClassVar[Mapping[str, Any]] = {}  # of each kind of cell
    absent: ClassVar[Cell] = Cell("", "absent")  # a row that a site has not

    def columns(self, tenants: Sequence[Tenant]) -> dict[int, Column | str]:
        """Return each site's cells by row, by tenant pk, or why there are none."""
        raise NotImplementedError

    def copies(self, wanted: Cell, cell: Cell) -> bool:
        """Whether a cell can be made as the reference's, and is not yet."""
        return wanted.value != cell.value

    def column(self, tenant: Tenant) -> Column:
        """Return one site's cells; raise CommandFailed."""
        found = self.columns([tenant])[tenant.pk]
        if isinstance(found, str):
            raise CommandFailed(found)
        return found

    def read(self, source: Tenant) -> Json:
        """Return the reference's cells as JSON holds them."""
        try:
            return {name: list(cell) for name, cell in self.column(source).items()}
        except CommandFailed as error:
            raise CommandFailed(f"{source.wwwroot}: {error}") from error

    def wanted(self) -> Column:
        """Return the reference's cells, as they were when the run began."""
        assert isinstance(self.material, dict)
        return {name: Cell(*cell) for name, cell in self.material.items()}

    def site(self, tenant: Tenant, column: Column | str) -> Site:
        """Return a tenant with its column."""
        cells, problem = ({}, column) if isinstance(column, str) else (column, "")
        return Site(tenant.pk, tenant.wwwroot, tenant.name, cells, problem)


class Comparison(Compared):
    """Tells what differs from a reference; changes nothing.

    `matrix` sets many sites beside each other, for the page and the shell.
    """

    exclusive = False
    frequent = True
    syncs: ClassVar[str] = ""  # the command that copies cells, if there is one

    source = TenantField(
        label=_("Reference"),
        required=False,
        max_length=255,
        help_text=_("wwwroot of the tenant to compare with; empty: the main tenant."),
    )

    def matrix(self, tenants: Sequence[Tenant], *, everything: bool = False) -> Matrix:
        """Return the tenants beside the reference; raise CommandFailed.

        Only the rows in which any of them differs, unless all are asked for.
        """
        source: Tenant = self.cleaned_data["source"]
        others = [tenant for tenant in tenants if tenant.pk != source.pk]
        columns = self.columns([source, *others])
        first, *rest = [self.site(t, columns[t.pk]) for t in (source, *others)]
        if first.problem:
            raise CommandFailed(f"{source.wwwroot}: {first.problem}")
        return compare(
            first, rest, self.words, absent=self.absent, everything=everything
        )

    @classmethod
    def address(cls, tenants: Iterable[int] = ()) -> str:
        """Return the page that compares these tenants, by pk, or all enabled ones."""
        query = {"tenants": text} if (text := ranges(tenants)) else None
        names = cls.name().split("/")
        return reverse("admin:commands_compare", args=names, query=query)

    def run(self, tenant: Tenant) -> Steps:
        reference = Site(0, "", "", self.wanted())
        site = self.site(tenant, self.column(tenant))
        matrix = compare(reference, [site], self.words, absent=self.absent)
        told = {}
        for row in differences(matrix, 1):
            wanted, found = (matrix.said(cell) for cell in row.cells)
            told[row.name] = [found, wanted]
            yield f"{row.name}: {found} (reference: {wanted})"
        yield f"{len(told)} of {matrix.compared} differ"
        return {"differ": told}


class Sync(Compared, AgentCommand):
    """Makes cells of a site as the reference's, only those that differ.

    All that can be copied, or the ones that were picked. What the site has no place
    for is named in the log, and the others go on.
    """

    cells = CellsField(
        required=False,
        max_length=2**20,
        help_text=_(
            "Only these, lines of SITE,SITE ROW,ROW, as a comparison's page writes "
            "them; empty: all that differ."
        ),
    )

    def changing(self, changes: Column) -> dict[str, Any]:
        """Return what the operation reads to make these cells."""
        raise NotImplementedError

    def skips(self, tenants: Sequence[Tenant]) -> dict[int, str]:
        skipped = super().skips(tenants)
        source: Tenant = self.cleaned_data["source"]
        rest = [tenant for tenant in tenants if tenant.pk not in skipped]
        columns = self.columns([source, *rest])
        wanted = columns[source.pk]
        for tenant in rest:
            column, rows = columns[tenant.pk], self.picked(tenant)
            if rows is not None and not rows:
                skipped[tenant.pk] = "none of its cells was picked"
            elif isinstance(wanted, str) or isinstance(column, str):
                continue  # its job tells
            elif not self.changes(wanted, column, rows):
                left = self.impossible(wanted, column, rows)
                if not (left and rows):
                    skipped[tenant.pk] = left_out(left)
        return skipped

    def picked(self, tenant: Tenant) -> frozenset[str] | None:
        """Return the rows that were picked for a site; None: all."""
        cells = self.cleaned_data["cells"]
        return cells.get(tenant.wwwroot, frozenset()) if cells else None

    def changes(
        self, wanted: Column, column: Column, rows: Collection[str] | None
    ) -> Column:
        """Return the reference's cells that the site shall get."""
        names = wanted.keys() | column.keys() if rows is None else rows
        return {
            name: wanted.get(name, self.absent)
            for name in sorted(names)
            if self.copies(wanted.get(name, self.absent), column.get(name, self.absent))
        }

    def run(self, tenant: Tenant) -> Steps:
        wanted, rows = self.wanted(), self.picked(tenant)
        column = self.column(tenant)
        changes = self.changes(wanted, column, rows)
        left = self.impossible(wanted, column, rows)
        if not changes and left and rows:
            raise CommandFailed(f"nothing was changed: {listed(left)}")
        if not changes:
            raise NothingToDo(left_out(left))
        yield from (f"{sentence}, and stays so" for sentence in left)
        answer = yield from self.ask(tenant, self.operation, self.changing(changes))
        assert isinstance(answer, dict)
        refused: dict[str, str] = dict(answer.get("refused") or {})
        after = self.column(tenant)
        for name, cell in self.changes(wanted, after, changes).items():
            refused.setdefault(name, f"it is not {self.said(cell)} afterwards")
        if refused:
            first = [f"{name}: {why}" for name, why in refused.items()]
            raise CommandFailed(
                f"{len(refused)} of {len(changes)} could not be set: {listed(first)}"
            )
        return {
            "changed": {
                name: [self.said(column.get(name, self.absent)), self.said(cell)]
                for name, cell in changes.items()
            }
        }

    def impossible(
        self, wanted: Column, column: Column, rows: Collection[str] | None
    ) -> list[str]:
        """Return what differs and cannot be copied."""
        pairs = [
            (name, wanted.get(name, self.absent), column.get(name, self.absent))
            for name in sorted(wanted.keys() | column.keys() if rows is None else rows)
        ]
        return [
            f"{name}: {self.said(cell)} here, {self.said(want)} on the source"
            for name, want, cell in pairs
            if not self.copies(want, cell)
            and (want.value != cell.value or self.absent == want == cell)
        ]

    def said(self, cell: Cell) -> str:
        return said(self.words, cell)


def ranges(numbers: Iterable[int]) -> str:
    """Return numbers as a short text.

    >>> ranges([1, 2, 3, 7])
    '1-3,7'
    """
    runs = groupby(enumerate(sorted(numbers)), key=lambda pair: pair[1] - pair[0])
    found = [[number for _at, number in run] for _key, run in runs]
    return ",".join(f"{r[0]}-{r[-1]}" if len(r) > 1 else f"{r[0]}" for r in found)


def left_out(left: Sequence[str]) -> str:
    """Return why a site is left out, given what cannot be copied to it."""
    if left:
        return f"what differs cannot be copied: {listed(left)}"
    return "it is so already"


def listed(names: Sequence[str]) -> str:
    """Return the first of many sentences, and how many more there are."""
    more = f"; and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return "; ".join(names[:SHOWN]) + more
