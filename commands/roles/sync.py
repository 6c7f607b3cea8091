from collections.abc import Sequence
from functools import partial
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from commands.base import CommandFailed, Json, register
from commands.compare import Sync as SyncBase
from commands.matrix import Cell, Column
from commands.roles.permissions import NUMBERS, RolePermissions, no_role
from tenants import moodledb
from tenants.models import Tenant


@register
class Sync(RolePermissions, SyncBase):
    """Give a role the permissions that it has on another site.

    In the system context, and only those that differ: what courses have of their own
    stays, and so do the definitions of capabilities. A capability that the site has
    not is named in the log. The role's name and description stay; where there is no
    such role, it is created on demand, or the site fails.

    Example of attributes: source=https://a.example.org&role=editingteacher
    """

    formerly = "Role_Sync"
    operation = "sync_role"

    create = forms.BooleanField(
        required=False, help_text=_("Create the role where it is missing.")
    )

    def read(self, source: Tenant) -> Json:
        cells = super().read(source)
        if not self.cleaned_data.get("create"):
            return {"cells": cells}
        rows = moodledb.each([source], partial(_role, self.shortname()))[source.pk]
        if isinstance(rows, moodledb.MoodleDbError):
            raise CommandFailed(f"{source.wwwroot}: {rows}")
        name, description, archetype, _level = rows[0]
        levels = [int(level) for *_role_, level in rows if level is not None]
        made = {"name": name, "description": description, "archetype": archetype}
        return {"cells": cells, "made": {**made, "contextlevels": levels}}

    def wanted(self) -> Column:
        assert isinstance(self.material, dict)
        return {name: Cell(*cell) for name, cell in self.material["cells"].items()}

    def creates(self, tenant: Tenant) -> bool:
        return (
            bool(self.cleaned_data.get("create"))
            and tenant != self.cleaned_data["source"]
        )

    def refusals(self, tenants: Sequence[Tenant]) -> dict[int, str]:
        return {
            pk: column
            for pk, column in self.columns(tenants).items()
            if column == no_role(self.shortname())
        }

    def changing(self, changes: Column) -> dict[str, Any]:
        assert isinstance(self.material, dict)
        return {
            "role": self.shortname(),
            "made": self.material.get("made"),
            "permissions": {name: NUMBERS[cell.kind] for name, cell in changes.items()},
        }


def _role(role: str, tenant: Tenant) -> list[moodledb.Part]:
    table = partial(moodledb.table, tenant)
    return [
        (
            "r.name, r.description, r.archetype, l.contextlevel"
            f" FROM {table('role')} r LEFT JOIN {table('role_context_levels')} l"
            " ON l.roleid = r.id WHERE r.shortname = %s",
            [role],
        )
    ]
