"""Values survive the way through SQL text, and leave in one form."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.rows import dicts, exact, identifier, list_literal, literal, plain

AT = datetime(2026, 1, 2, 3, tzinfo=UTC)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63) + 1, 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    st.dates(date(1900, 1, 1)),
    st.datetimes(AT.replace(tzinfo=None, year=1900)),
)


@given(VALUES)
def test_a_literal_is_read_back_as_the_value(value: Any) -> None:
    [(found,)] = duckdb.sql(f"select {literal(value)}").fetchall()
    assert found == (float(found) if isinstance(found, Decimal) else value)


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
def test_an_identifier_is_read_back_as_the_name(name: str) -> None:
    [row] = dicts(duckdb.sql(f"select 1 as {identifier(name)}"))
    assert row == {name: 1}


def test_lists_for_in_and_as_values() -> None:
    query = f"select 2 in {literal([1, 2])}, 2 in {literal([])}, {list_literal([1, 2])}"
    assert duckdb.sql(query).fetchall() == [(True, None, [1, 2])]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("2.50"), "2.5"),
        (float("inf"), "null"),
        (float("-inf"), "null"),
        (float("nan"), "null"),
        (AT, '"2026-01-02T03:00:00Z"'),
        (AT.replace(tzinfo=None), '"2026-01-02T03:00:00Z"'),
        (AT.replace(tzinfo=None, microsecond=5), '"2026-01-02T03:00:00.000005Z"'),
        (AT.astimezone(timezone(timedelta(hours=2))), '"2026-01-02T03:00:00Z"'),
        (date(2026, 1, 2), '"2026-01-02"'),
        (True, "true"),
        ({"at": (Decimal(1), None)}, '{"at": [1.0, null]}'),
        (timedelta(hours=1), '"1:00:00"'),
    ],
)
def test_a_value_has_one_form_in_json(value: Any, text: str) -> None:
    assert json.dumps(plain(value), allow_nan=False) == text


def test_what_is_kept_loses_no_digit() -> None:
    row = {"usd": Decimal("0.10"), "at": datetime(2026, 1, 2, tzinfo=UTC)}
    assert json.dumps(row, default=exact) == '{"usd": "0.10", "at": "2026-01-02T00:00:00+00:00"}'
