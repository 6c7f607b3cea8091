"""What a role may do on a site: its permissions in the system context, by SQL."""

from collections.abc import Sequence
from functools import lru_cache, partial
from typing import Any

from django import forms
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from commands.compare import Compared
from commands.matrix import Cell, Column
from tenants import moodledb
from tenants.models import Tenant

KINDS = {"1": "allow", "-1": "prevent", "-1000": "prohibit", "0": "unset"}
NUMBERS = {kind: int(number) for number, kind in KINDS.items()}
LEVELS = {
    "10": _("system"),
    "30": _("user"),
    "40": _("category"),
    "50": _("course"),
    "70": _("module"),
    "80": _("block"),
}
ABSENT = Cell("absent", "absent")
UNSET = Cell("unset", "unset")


class RoleField(forms.CharField):
    """A role, named by its short name."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            max_length=100,
            help_text=_("Short name of the role, such as editingteacher."),
            **kwargs,
        )


class RolePermissions(Compared):
    """Rows are capabilities; a role that a site has not is told as such."""

    words = {
        "allow": _("allow"),
        "prevent": _("prevent"),
        "prohibit": _("prohibit"),
        "unset": _("not set"),
        "absent": _("no such capability"),
    }
    absent = ABSENT

    role = RoleField()

    def columns(self, tenants: Sequence[Tenant]) -> dict[int, Column | str]:
        found = moodledb.each(tenants, partial(_parts, self.shortname()))
        return {
            tenant.pk: str(rows)
            if isinstance(rows := found[tenant.pk], moodledb.MoodleDbError)
            else self.column_of(tenant, rows)
            for tenant in tenants
        }

    def column_of(self, tenant: Tenant, rows: moodledb.Rows) -> Column | str:
        """Return the cells of a site's rows, which tell of the role itself as well."""
        said = get_language()
        column = {name: _cell(*rest, said) for name, *rest in rows if name}
        has_role = len(column) < len(rows)
        return column if has_role or self.creates(tenant) else no_role(self.shortname())

    def shortname(self) -> str:
        """Return the short name."""
        return str(self.cleaned_data["role"])

    def creates(self, tenant: Tenant) -> bool:
        """Whether the role is created on this site if need be."""
        return False

    def copies(self, wanted: Cell, cell: Cell) -> bool:
        known = ABSENT.kind not in {wanted.kind, cell.kind}
        return known and wanted.kind != cell.kind


def no_role(role: str) -> str:
    said = _("there is no role %(role)r on this site: create the role first")
    return said % {"role": role}


def _parts(role: str, tenant: Tenant) -> list[moodledb.Part]:
    """Return what reads a site: the role, as "", and all capabilities."""
    table, utf8 = partial(moodledb.table, tenant), moodledb.utf8
    own = f"'', 0, 0, '' FROM {table('role')} r WHERE r.shortname = %s"
    capabilities = (
        f"{utf8('c.name')}, COALESCE(p.permission, 0), c.contextlevel,"
        f" {utf8('c.component')} FROM {table('capabilities')} c"
        f" JOIN {table('context')} x ON x.contextlevel = 10"
        f" LEFT JOIN {table('role')} r ON r.shortname = %s"
        f" LEFT JOIN {table('role_capabilities')} p ON p.roleid = r.id"
        " AND p.contextid = x.id AND p.capability = c.name"
    )
    return [(own, [role]), (capabilities, [role])]


@lru_cache(4096)
def _cell(
    permission: object, level: object, component: str, language: str | None
) -> Cell:
    """Return a cell; its note is in the reader's language, and kept for each."""
    kind = KINDS.get(str(permission), "unset")
    where = LEVELS.get(str(level), _("level %(level)s") % {"level": level})
    said = _("%(component)s, %(level)s level")
    return Cell(kind, kind, note=said % {"component": component, "level": where})
