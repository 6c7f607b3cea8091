from collections.abc import Collection
from functools import partial
from typing import Any

from commands.base import CommandFailed, Json, register
from commands.compare import Sync
from commands.generic.settings import Settings, parts, row_name
from commands.matrix import Cell, Column
from tenants import moodledb
from tenants.models import Tenant

WHOLE = 16 * 1024**2  # characters: more than a site will store in a setting


@register
class SyncSettings(Settings, Sync):
    """Give sites the settings of another one, only those that differ.

    Those that are named, or fit a pattern, or cells of them that were picked. Goes
    through Moodle's own function, all or nothing on each site. What belongs to one
    site alone is never copied: its version, its address, its keys, ids. A setting that
    the source has not is unset only where it was picked.

    Example of attributes: source=https://a.example.org&settings=quiz/*
    """

    operation = "set_config"

    def read(self, source: Tenant) -> Json:
        asked = partial(parts, self.cleaned_data["settings"], WHOLE)
        rows = moodledb.each([source], asked)[source.pk]
        if isinstance(rows, moodledb.MoodleDbError):
            raise CommandFailed(f"{source.wwwroot}: {rows}")
        values = {
            row_name(plugin, name): value or "" for plugin, name, value, _digest in rows
        }
        return {"cells": super().read(source), "values": values}

    def wanted(self) -> Column:
        assert isinstance(self.material, dict)
        return {name: Cell(*cell) for name, cell in self.material["cells"].items()}

    def changes(
        self, wanted: Column, column: Column, rows: Collection[str] | None
    ) -> Column:
        found = super().changes(wanted, column, rows)
        if rows is not None:
            return found
        return {name: cell for name, cell in found.items() if cell != self.absent}

    def changing(self, changes: Column) -> dict[str, Any]:
        assert isinstance(self.material, dict)
        settings: dict[str, dict[str, str | None]] = {}
        for row in changes:
            plugin, _slash, name = row.rpartition("/")
            settings.setdefault(plugin, {})[name] = self.material["values"].get(row)
        return {"settings": settings}
