import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from commands.agent import AgentCommand
from commands.base import CommandFailed, register
from tenants.models import Tenant


@register
class ImportMappedData(AgentCommand):
    """Import rows of a table, which may have other ids on this site.

    The file is an export of one table, as phpMyAdmin writes JSON. A row that is there,
    by its key fields, gets the values; one that is not is added. All rows, or none.
    The map of the old ids to the new ones is printed. Caches are purged.

    Example of attributes: file=/srv/plugins.json&keyfields=plugin,name&values=value
    """

    operation = "import_rows"
    letters = {"keyfields": "k", "dryrun": "D"}

    file = forms.CharField(
        max_length=1000, help_text=_("Path of the JSON file on this machine.")
    )
    keyfields = forms.RegexField(
        r"\A[a-z][a-z0-9_]*(,[a-z][a-z0-9_]*)*\Z",
        required=False,
        max_length=500,
        help_text=_("Columns that tell rows apart, by commas; empty: as in the file."),
    )
    values = forms.RegexField(
        r"\A[a-z][a-z0-9_]*(,[a-z][a-z0-9_]*)*\Z",
        required=False,
        max_length=2000,
        help_text=_(
            "Columns that are set, by commas; empty: as in the file, or all others."
        ),
    )
    dryrun = forms.BooleanField(
        required=False, help_text=_("Try it, take it back, and tell.")
    )

    def is_dangerous(self) -> bool:
        return not self.cleaned_data["dryrun"]

    def prepare(self, tenants: Sequence[Tenant]) -> dict[str, Any]:
        path = self.cleaned_data["file"]
        table = _exported(path)
        chosen = {
            key: self.cleaned_data[key] or str(table.get(key, ""))
            for key in ("keyfields", "values")
        }
        if not chosen["keyfields"]:
            said = _(
                "%(path)s does not say which columns tell rows apart: give keyfields"
            )
            raise CommandFailed(said % {"path": path})
        split = {
            key: [word.strip() for word in text.split(",") if word.strip()]
            for key, text in chosen.items()
        }
        return {"table": str(table["name"]), "rows": table["data"], **split}

    def payload(self, tenant: Tenant) -> dict[str, Any]:
        assert isinstance(self.material, dict)
        return {**self.material, "dryrun": self.cleaned_data["dryrun"]}


def _exported(path: str) -> dict[str, Any]:
    """Return the table of an export; raise CommandFailed when it can be none."""
    try:
        parts = json.loads(Path(path).read_text("utf-8"))
        [table] = [part for part in parts if part["type"] == "table"]
        _name, rows = table["name"], table["data"]
        sound = rows and all(isinstance(row, dict) and "id" in row for row in rows)
    except OSError as error:
        said = _("%(path)s cannot be read: %(why)s")
        raise CommandFailed(said % {"path": path, "why": error.strerror}) from error
    except (ValueError, TypeError, KeyError) as error:
        said = _(
            "%(path)s is no export of one table: a JSON list with one part of the "
            "type 'table' that has a name and data is"
        )
        raise CommandFailed(said % {"path": path}) from error
    if not sound:
        said = _("%(path)s has no rows, or rows without an id")
        raise CommandFailed(said % {"path": path})
    found: dict[str, Any] = table
    return found
