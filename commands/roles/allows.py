"""Which role may assign, override, switch to, or view which: by SQL."""

from collections.abc import Sequence
from functools import partial

from django import forms
from django.utils.translation import gettext_lazy as _

from commands.compare import Compared
from commands.matrix import Cell, Column
from commands.roles.permissions import RoleField, no_role
from tenants import moodledb
from tenants.models import Tenant

ABSENT = Cell("absent", "absent")
YES, NO = Cell("allow", "allow"), Cell("unset", "unset")
SEPARATOR = ">"  # between the two roles of a row


class AllowTable(Compared):
    """Rows are pairs of roles, `teacher>student`: the first may do it to the second."""

    words = {
        "allow": _("allowed"),
        "unset": _("not allowed"),
        "absent": _("no such role"),
    }
    absent = ABSENT

    table = forms.ChoiceField(
        choices=[
            ("assign", _("May assign")),
            ("override", _("May override")),
            ("switch", _("May switch to")),
            ("view", _("May view")),
        ],
        help_text=_("Which of Moodle's four tables."),
    )
    role = RoleField(required=False)

    def columns(self, tenants: Sequence[Tenant]) -> dict[int, Column | str]:
        table = self.cleaned_data["table"]
        found = moodledb.each(tenants, partial(_parts, table))
        return {
            pk: str(rows)
            if isinstance(rows, moodledb.MoodleDbError)
            else self.column_of(rows)
            for pk, rows in found.items()
        }

    def column_of(self, rows: moodledb.Rows) -> Column | str:
        role = self.cleaned_data["role"]
        roles = [first for first, second in rows if not second]
        if role and role not in roles:
            return no_role(role)
        allowed = {pair for pair in rows if pair[1]}
        return {
            f"{first}{SEPARATOR}{second}": YES if (first, second) in allowed else NO
            for first in ([role] if role else roles)
            for second in roles
        }

    def copies(self, wanted: Cell, cell: Cell) -> bool:
        return wanted != cell and ABSENT not in {wanted, cell}


def _parts(name: str, tenant: Tenant) -> list[moodledb.Part]:
    """Return what reads a site: its roles, each with "", and the pairs."""
    table, utf8 = partial(moodledb.table, tenant), moodledb.utf8
    roles = f"{utf8('shortname')}, '' FROM {table('role')}"
    pairs = (
        f"{utf8('a.shortname')}, {utf8('b.shortname')} FROM"
        f" {table(f'role_allow_{name}')} x JOIN {table('role')} a ON a.id = x.roleid"
        f" JOIN {table('role')} b ON b.id = x.allow{name}"
    )
    return [(roles, []), (pairs, [])]
