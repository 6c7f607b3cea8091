from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from commands.base import Command, CommandFailed, Json, NothingToDo, Steps, register
from commands.upgrade.upgrade import PAGE
from commands.validation import invalid
from tenants.lifecycle import move
from tenants.models import DatabaseServer, Tenant
from tenants.validators import absolute_path


@register
class Move(Command):
    """Move the site to another database server, or its data files to another path.

    Files and database are copied while it is open. Then it answers 503 while what is
    new in them is copied, and compared, file by file and table by table. If a step
    fails, it is where it was. What it had before is put aside and kept until
    `manage.py doctor --fix`.

    Example of attributes: to_server=db2&data_path=/srv/data2/north
    """

    dangerous = True

    to_server = forms.CharField(
        required=False, max_length=80, help_text=_("Name of the database server.")
    )
    data_path = forms.CharField(
        required=False,
        max_length=255,
        validators=[absolute_path],
        help_text=_("Its new data directory, which must be empty or not there."),
    )

    def clean_to_server(self) -> DatabaseServer | None:
        name = self.cleaned_data["to_server"]
        found = DatabaseServer.objects.filter(name=name).first()
        if name and found is None:
            names = DatabaseServer.objects.values_list("name", flat=True)
            raise invalid(
                _("There is no database server %(name)s (there are: %(known)s)"),
                name=name,
                known=", ".join(names),
            )
        return found

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        if not self.errors and not given["to_server"] and not given["data_path"]:
            raise ValidationError(_("Say where to: to_server, data_path or both"))
        return given

    def _target(self, tenant: Tenant) -> tuple[DatabaseServer, str]:
        given = self.cleaned_data
        return given["to_server"] or tenant.server, given["data_path"] or (
            tenant.data_path
        )

    def skips(self, tenants: Sequence[Tenant]) -> dict[int, str]:
        return {
            tenant.pk: "it is there already"
            for tenant in tenants
            if self._target(tenant) == (tenant.server, tenant.data_path)
        }

    def refusals(self, tenants: Sequence[Tenant]) -> dict[int, str]:
        if not self.cleaned_data["data_path"] or len(tenants) < 2:
            return {}
        why = "a data path is for one tenant: move them one by one"
        return {tenant.pk: why for tenant in tenants}

    def run(self, tenant: Tenant) -> Steps:
        server, data_path = self._target(tenant)
        if (server, data_path) == (tenant.server, tenant.data_path):
            raise NothingToDo("it is there already")
        page = PAGE.read_text(encoding="utf-8")
        down = yield from move.move(tenant, server, data_path, page=page, job=self.job)
        result: dict[str, Json] = {"server": server.name, "data_path": data_path}
        return result | ({"seconds_down": round(down, 1)} if down else {})

    def recover(self, tenant: Tenant) -> None:
        if left := move.recover(tenant):
            raise CommandFailed(left)
