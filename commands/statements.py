"""Run the few statements that every job passes, as SQL.

Building them with the ORM takes ten times as long as running them.
"""

from datetime import datetime
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
        cursor.execute(sql, values)
        return cursor.fetchone()


def load(model: type[M], pk: int) -> M | None:
    """Return the row of a model, None if it is not there."""
    sql = f"SELECT * FROM {model._meta.db_table} WHERE id = %s"  # noqa: S608
    return next(iter(model._default_manager.raw(sql, [pk])), None)


def _stored(value: Any) -> Any:
    if isinstance(value, datetime):
        return connection.ops.adapt_datetimefield_value(value)
    return value
