"""Run the few statements that every job passes, as SQL.

Building them with the ORM takes ten times as long as running them.
"""

from datetime import datetime
from functools import cache
from typing import Any, TypeVar

from django.db import connection, models

M = TypeVar("M", bound=models.Model)


def change(sql: str, *values: Any) -> int:
    """Run an INSERT, UPDATE or DELETE; return how many rows it matched."""
    with connection.cursor() as cursor:
        cursor.execute(sql, [_stored(value) for value in values])
        return int(cursor.rowcount)


def row(sql: str, *values: Any) -> Any:
    """Return the first row of a SELECT as a tuple, None if there is none."""
    with connection.cursor() as cursor:
        cursor.execute(sql, [_stored(value) for value in values])
        return cursor.fetchone()


def load(model: type[M], pk: int) -> M | None:
    """Return the row of a model, None if it is not there."""
    sql, names, converters = _reading(model)
    found = row(sql, pk)
    if found is None:
        return None
    values = list(found)
    for place, (convert_each, column) in converters.items():
        for convert in convert_each:
            values[place] = convert(values[place], column, connection)
    return model.from_db(connection.alias, names, values)


@cache
def _reading(model: type[M]) -> tuple[str, list[str], dict[int, Any]]:
    """Return what reads a row of a model, composed once: SQL, names, converters."""
    query = model._default_manager.filter(pk=0).query
    compiler = query.get_compiler(connection=connection)
    sql, _pk = compiler.as_sql()
    columns = [column for column, _sql, _alias in compiler.select]
    names = [column.target.attname for column in columns]
    return sql, names, compiler.get_converters(columns)


def _stored(value: Any) -> Any:
    if isinstance(value, datetime):
        return connection.ops.adapt_datetimefield_value(value)
    return value
