"""Run the few statements that every job passes, as SQL.

Building them with the ORM takes ten times as long as running them.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from django.db import connection, models
from django.db.models.query import get_related_populators

M = TypeVar("M", bound=models.Model)


def change(sql: str, *values: Any) -> int:
    """Run an INSERT, UPDATE or DELETE; return how many rows it matched."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return int(cursor.rowcount)


def row(sql: str, *values: Any) -> Any:
    """Return the first row of a SELECT as a tuple, None if there is none."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchone()


def reader(rows: models.QuerySet[M], where: str) -> Callable[..., M | None]:
    """Return what reads the first row that fits a condition, None if there is none.

    It is called with the values of the condition. The query is composed only once.
    """
    query = rows.extra(where=[where]).query  # noqa: S610 - a constant
    compiler = query.get_compiler(connection=connection)
    sql, _values = compiler.as_sql()
    converters = compiler.get_converters([column for column, *_ in compiler.select])
    info, alias = compiler.klass_info, connection.alias
    names = [compiler.select[at][0].target.attname for at in info["select_fields"]]
    # The stubs are those of a later Django.
    related = get_related_populators(info, compiler.select, alias)  # type: ignore[call-arg]

    def read(*values: Any) -> M | None:
        found = row(sql, *values)
        if found is None:
            return None
        [columns] = compiler.apply_converters([found], converters)
        it = rows.model.from_db(alias, names, columns[: len(names)])
        for populator in related:
            populator.populate(columns, it)
        return it

    return read


def moment(time: datetime) -> Any:
    """Return a time as the registry takes it for a value."""
    return connection.ops.adapt_datetimefield_value(time)
