"""Rows of a database as JSON can hold them."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from commands.base import Json

LONGEST = 32_768  # characters of one cell


def named(columns: Sequence[str]) -> list[str]:
    """Return the names of columns, each but once.

    >>> named(["id", "id", "name"])
    ['id', 'id (2)', 'name']
    """
    found: list[str] = []
    for column in columns:
        name, number = column, 1
        while name in found:
            number += 1
            name = f"{column} ({number})"
        found.append(name)
    return found


def cell(value: Any) -> Json:
    """Return a value: exact numbers that JSON has not got, dates and such as text."""
    if isinstance(value, Decimal):
        whole = value == value.to_integral_value() and value.as_tuple().exponent == 0
        return int(value) if whole else str(value)
    if isinstance(value, bytes):
        value = _text(value)
    elif isinstance(value, datetime):
        value = value.isoformat(" ")
    elif isinstance(value, date | time):
        value = value.isoformat()
    elif isinstance(value, timedelta):
        value = _duration(value)
    if isinstance(value, str) and len(value) > LONGEST:
        return f"{value[:LONGEST]}…"
    return value if isinstance(value, str | int | float | None) else str(value)


def _text(value: bytes) -> str:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return f"0x{value.hex()}"
    return text if text.isprintable() else f"0x{value.hex()}"


def _duration(value: timedelta) -> str:
    """Return a TIME as the server writes it, such as -01:02:03."""
    seconds = abs(value).total_seconds()
    minutes, rest = divmod(seconds, 60)
    sign = "-" if value < timedelta(0) else ""
    exact = f"{rest:09.6f}" if rest % 1 else f"{rest:02.0f}"
    return f"{sign}{minutes // 60:02.0f}:{minutes % 60:02.0f}:{exact}"
