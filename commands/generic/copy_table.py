import re
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from commands import agent
from commands.base import CommandFailed, Steps, register
from commands.source import SourceCommand
from tenants import bound
from tenants.models import Tenant

if TYPE_CHECKING:
    from tenants.sql.condition import Condition

IDS = r"(\w*_)?(user|course|context|category|role|group|cohort|cm)_?id|usermodified"


@register
class CopyTable(SourceCommand, agent.AgentCommand):
    """Replace the rows of a table with those of another tenant, or leave it as it is.

    Rows that a target has already stay, with their ids; all others are deleted, and
    what is missing is inserted with new ids, unless `keep_ids` takes those of the
    source. What other tables say of a deleted row means nothing afterwards. Tables of
    settings, people, roles, courses and files are refused.

    Example of attributes: table=user_info_field&select=categoryid%3D1
    """

    dangerous = True
    operation = "write_table"

    table = forms.RegexField(
        r"\A[a-z][a-z0-9_]*\Z",
        max_length=60,
        help_text=_("Name of the table, without its prefix."),
        error_messages={
            "invalid": _("A table is lower-case letters, digits and '_' only.")
        },
    )
    select = forms.CharField(
        required=False,
        max_length=4000,
        help_text=_("Which rows of the source, such as: id > 10 AND name LIKE 'a%'."),
    )
    keep_ids = forms.BooleanField(
        required=False, help_text=_("Rows have the ids of the source.")
    )
    allow_empty = forms.BooleanField(
        required=False, help_text=_("Empty the table when the source has no such rows.")
    )

    def clean_table(self) -> str:
        table: str = self.cleaned_data["table"]
        if reason := bound.never_copied_table(table):
            raise ValidationError(reason)
        return table

    def clean_select(self) -> "Condition":
        # Only here: importing the parser takes longer than most of our commands.
        from tenants.sql import condition

        text = self.cleaned_data["select"]
        try:
            return condition.parse(text) if text else condition.Condition("", [], [])
        except condition.Unclear as unclear:
            raise ValidationError(str(unclear)) from unclear

    def read(self, source: Tenant) -> dict[str, Any]:
        table, where = self.cleaned_data["table"], self.cleaned_data["select"]
        asked = {"where": where.sql, "values": where.values, "names": where.columns}
        found = agent.read(source, "read_table", {"table": table, **asked})
        if not found["rows"] and not self.cleaned_data["allow_empty"]:
            raise CommandFailed(
                _(
                    "%(site)s has no such rows in %(table)s, which would empty it: add "
                    "allow_empty=1 if that is meant"
                )
                % {"site": source.wwwroot, "table": table}
            )
        return cast(dict[str, Any], found)

    def payload(self, tenant: Tenant) -> dict[str, Any]:
        chosen = {name: self.cleaned_data[name] for name in ("table", "keep_ids")}
        return {**cast(dict[str, Any], self.material), **chosen}

    def run(self, tenant: Tenant) -> Steps:
        columns = cast(dict[str, Any], self.material)["columns"]
        if ids := [name for name in columns if re.fullmatch(IDS, name)]:
            yield f"ids of the source, which may mean others here: {', '.join(ids)}"
        return (yield from super().run(tenant))
