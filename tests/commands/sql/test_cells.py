import json
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.sql.cells import LONGEST, cell, named


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (None, None),
        (5, 5),
        (1.5, 1.5),
        ("Zoë", "Zoë"),
        (Decimal("12"), 12),
        (Decimal("-0.10"), "-0.10"),
        (Decimal("1E+3"), "1E+3"),
        (date(2026, 2, 1), "2026-02-01"),
        (datetime(2026, 2, 1, 9, 5), "2026-02-01 09:05:00"),
        (timedelta(hours=30, seconds=5), "30:00:05"),
        (timedelta(seconds=-61.5), "-00:01:01.500000"),
        (b"text", "text"),
        (b"\x00\xff", "0x00ff"),
        ("x" * (LONGEST + 1), "x" * LONGEST + "…"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_a_cell_is_what_json_can_hold(value, stored):
    assert cell(value) == stored


@given(st.binary() | st.decimals(allow_nan=False) | st.timedeltas() | st.dates())
def test_any_value_of_a_database_fits_json(value):
    assert json.loads(json.dumps(cell(value))) == cell(value)


@given(st.lists(st.sampled_from(["id", "name", "id (2)", ""]), max_size=8))
def test_columns_have_names_of_their_own(columns):
    names = named(columns)

    assert len(set(names)) == len(columns)
    assert all(name.startswith(old) for name, old in zip(names, columns, strict=True))
