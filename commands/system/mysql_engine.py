from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from commands.base import Command, CommandFailed, NothingToDo, Steps, register
from tenants import moodledb
from tenants.models import Tenant
from tenants.moodledb import MoodleDbError
from tenants.session import session

KEEP_DATA = ("InnoDB", "MyISAM", "Aria", "ROCKSDB")  # others forget, or refuse writes


@register
class MysqlEngine(Command):
    """Convert the site's tables to another storage engine, or list their engines.

    A table is locked while it is converted, one after the other. Moodle wants InnoDB:
    any other engine takes back nothing when a page fails half way.

    Example of attributes: engine=InnoDB
    """

    letters = {"available": "a"}

    engine = forms.CharField(
        required=False,
        max_length=30,
        help_text=_("Convert every table that has another one."),
    )
    list = forms.BooleanField(
        required=False, help_text=_("List the tables with their engines.")
    )
    available = forms.BooleanField(
        required=False, help_text=_("List the engines of the database server.")
    )

    def clean(self) -> None:
        wanted = [name for name in self.base_fields if self.cleaned_data.get(name)]
        if not self.errors and len(wanted) != 1:
            raise ValidationError(_("Give one of engine, list and available"))

    def is_dangerous(self) -> bool:
        return bool(self.cleaned_data["engine"])

    def run(self, tenant: Tenant) -> Steps:
        if self.cleaned_data["available"]:
            engines = _engines(tenant)
            yield from engines
            return {"available": engines}
        tables = _tables(tenant)
        if self.cleaned_data["list"]:
            yield from (f"{engine:10} {name}" for name, engine in tables)
            return {"engines": dict(Counter(engine for _name, engine in tables))}
        return (yield from self._convert(tenant, tables))

    def _convert(self, tenant: Tenant, tables: Sequence[tuple[str, str]]) -> Steps:
        wanted = self.cleaned_data["engine"].casefold()
        engines = {name.casefold(): name for name in _engines(tenant)}
        if wanted not in engines or engines[wanted] not in KEEP_DATA:
            known = ", ".join(name for name in engines.values() if name in KEEP_DATA)
            raise CommandFailed(
                f"{self.cleaned_data['engine']!r} is no engine to keep data in here "
                f"(there are: {known})"
            )
        other = [name for name, engine in tables if engine.casefold() != wanted]
        if not other:
            raise NothingToDo("all tables have this engine already")
        failed = []
        for name in other:
            try:
                yield from _alter(tenant, name, engines[wanted])
            except MoodleDbError as error:
                failed.append(f"{name}: {error}")
                yield f"not converted: {failed[-1]}"
            else:
                yield f"converted {name}"
        if failed:
            raise CommandFailed(
                f"{len(failed)} of {len(other)} tables were not converted, such as "
                f"{failed[0]}"
            )
        return {"converted": len(other), "skipped": len(tables) - len(other)}


def _engines(tenant: Tenant) -> list[str]:
    rows = moodledb.query(
        tenant.server,
        "SELECT ENGINE FROM information_schema.ENGINES "
        "WHERE SUPPORT IN ('YES', 'DEFAULT') ORDER BY ENGINE",
    )
    return [name for (name,) in rows]


def _tables(tenant: Tenant) -> list[tuple[str, str]]:
    """Return the site's tables with their engines."""
    rows = moodledb.query(
        tenant.server,
        "SELECT TABLE_NAME, ENGINE FROM information_schema.TABLES "
        "WHERE TABLE_SCHEMA = %s AND TABLE_TYPE = 'BASE TABLE' "
        "AND LEFT(TABLE_NAME, %s) = %s ORDER BY TABLE_NAME",
        [tenant.db_name, len(tenant.db_prefix), tenant.db_prefix],
    )
    return [(name, engine or "") for name, engine in rows]


def _alter(tenant: Tenant, name: str, engine: str) -> Iterator[None]:
    """Convert a table, however long it takes; yield signs of life."""
    table = moodledb.table(tenant, name.removeprefix(tenant.db_prefix))
    limit = settings.VMOODLE_JOB_MAX_SECONDS
    alter = f"ALTER TABLE {table} ENGINE = {engine}"
    with (
        session(tenant, seconds=limit, write=True) as opened,
        closing(opened.run(alter, [])) as steps,
    ):
        yield from steps
