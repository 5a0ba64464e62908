"""The contract of a row: its columns and types in Parquet, and the rules that a row must keep.

The columns are those of the row classes in ``sources.base``: adding a field there adds a column
here. A row that breaks a rule is held with the name of the rule. Plausibility of a price against
other prices belongs to ``warehouse.quality``.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, localcontext
from typing import Any, Literal

import pyarrow as pa

from pipelines.sources.base import ApiPrice, Offer, SeriesPoint, TableRow
from pipelines.text import WHITE_SPACE, without_invisible

Record = Mapping[str, Any]  # a row by column, as it is written
RECORD_KINDS: Mapping[str, type] = {
    "offer": Offer,
    "api_price": ApiPrice,
    "series_point": SeriesPoint,
    "table_row": TableRow,
}
MAX_TEXT_CHARACTERS = 500
MAX_VALUE_CHARACTERS = 50_000  # notes in reference tables are long
DECIMAL_TYPE = pa.decimal128(38, 18)
SMALLEST_AMOUNT = Decimal(1).scaleb(-DECIMAL_TYPE.scale)
LARGEST_AMOUNT = Decimal(10) ** (DECIMAL_TYPE.precision - DECIMAL_TYPE.scale)
LARGEST_INTEGER = 2**63 - 1
ROUNDING_TOLERANCE = Decimal("1e-9")
TIMESTAMP = pa.timestamp("us", tz="UTC")

PROVENANCE = pa.schema(
    [
        pa.field("record_kind", pa.string(), nullable=False),
        pa.field("source_id", pa.string(), nullable=False),
        pa.field("request_key", pa.string(), nullable=False),
        pa.field("source_url", pa.string(), nullable=False),
        pa.field("payload_sha256", pa.string(), nullable=False),
        pa.field("parser_version", pa.int32(), nullable=False),
        pa.field("captured_at", TIMESTAMP, nullable=False),  # when the bytes were first read
    ]
)
QUARANTINE_SCHEMA = pa.schema(
    [
        pa.field("rule", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("row_json", pa.string(), nullable=False),
        *PROVENANCE,
    ]
)


class BreachError(Exception):
    """A row that breaks the contract."""

    def __init__(self, rule: str, reason: str) -> None:
        super().__init__(reason)
        self.rule = rule
        self.reason = reason


@dataclass(frozen=True)
class Column:
    """One field of a row: its type in Python and in Parquet, and what it may hold."""

    name: str
    python_type: type
    arrow_type: pa.DataType
    is_optional: bool
    allowed: tuple[str, ...] = ()  # of a field with few values

    def read(self, row: object) -> Any:
        """Return the field of a row as it is written.

        Raises
        ------
        BreachError
            If it is missing, of another type, or does not fit.
        """
        value = getattr(row, self.name)
        if value is None and self.is_optional:
            return None
        if value is None:
            raise BreachError("field_missing", f"{self.name} is not given")
        if self.allowed:
            if value not in self.allowed:
                raise BreachError("not_in_list", f"{self.name} is {value!r}"[:200])
            return str(value)
        _expect(self.name, value, self.python_type)
        fit = FITS.get(self.python_type)
        return fit(self.name, value) if fit else value


def _expect(name: str, value: object, kind: type) -> None:
    # Not isinstance: bool is an int and datetime is a date in Python, and neither is meant here.
    if type(value) is kind or (kind is Mapping and isinstance(value, Mapping)):
        return
    kinds = f", a {type(value).__name__}"
    if kind is Mapping:
        raise BreachError("wrong_type", f"{name} is a {type(value).__name__}, not a mapping")
    raise BreachError("wrong_type", f"{name} is {value!r}"[:200] + kinds)


def _text(name: str, value: str) -> str:
    text = WHITE_SPACE.sub(" ", without_invisible(value)).strip()
    if len(text) > MAX_TEXT_CHARACTERS:
        raise BreachError("text_too_long", f"{name} has {len(text)} characters")
    return text


def _integer(name: str, value: int) -> int:
    if abs(value) > LARGEST_INTEGER:
        raise BreachError("amount_does_not_fit", f"{name} is over 2^63")
    return value


def _decimal(name: str, value: Decimal) -> Decimal:
    if not value.is_finite():
        rule = "price_not_a_number" if name == "price_amount" else "number_not_finite"
        raise BreachError(rule, f"{name} is {value}")
    if abs(value) >= LARGEST_AMOUNT:
        raise BreachError("amount_does_not_fit", f"{name} is {value:.3E}")
    with localcontext(prec=60):
        fitted = value.quantize(SMALLEST_AMOUNT)
        if abs(fitted - value) > abs(value) * ROUNDING_TOLERANCE:
            raise BreachError("amount_does_not_fit", f"{name} is {value:.3E}")
    return fitted


def _moment(name: str, value: datetime) -> datetime:
    if value.tzinfo is None:
        raise BreachError("time_without_zone", f"{name} is {value.isoformat()}")
    return value.astimezone(UTC)


def _values(name: str, value: Mapping[str, str | None]) -> list[tuple[str, str | None]]:
    for key, item in value.items():
        _expect(name, key, str)
        if item is not None:
            _expect(f"{name}[{key}]"[:100], item, str)
            if len(item) > MAX_VALUE_CHARACTERS:
                raise BreachError("text_too_long", f"{key} has {len(item)} characters")
    return [
        (without_invisible(key), None if item is None else without_invisible(item))
        for key, item in value.items()
    ]


ARROW_TYPES: Mapping[type, pa.DataType] = {
    str: pa.string(),
    int: pa.int64(),
    Decimal: DECIMAL_TYPE,
    bool: pa.bool_(),
    datetime: TIMESTAMP,
    date: pa.date32(),
    Mapping: pa.map_(pa.string(), pa.string()),
}
# What must hold of a value of the right type, and how it is written.
FITS: Mapping[type, Callable[[str, Any], Any]] = {
    str: _text,
    int: _integer,
    Decimal: _decimal,
    datetime: _moment,
    Mapping: _values,
}


def _column(name: str, hint: Any) -> Column:
    is_optional = isinstance(hint, types.UnionType)
    if is_optional:
        (hint,) = (part for part in typing.get_args(hint) if part is not types.NoneType)
    if typing.get_origin(hint) is Literal:
        return Column(name, str, pa.string(), is_optional, typing.get_args(hint))
    kind: type = Mapping if hint == Mapping[str, str | None] else hint
    return Column(name, kind, ARROW_TYPES[kind], is_optional)


KIND_OF_CLASS = {row_class: kind for kind, row_class in RECORD_KINDS.items()}
COLUMNS: Mapping[str, tuple[Column, ...]] = {
    kind: tuple(_column(name, hint) for name, hint in typing.get_type_hints(row_class).items())
    for kind, row_class in RECORD_KINDS.items()
}
SCHEMAS: Mapping[str, pa.Schema] = {
    kind: pa.schema(
        [
            *(pa.field(c.name, c.arrow_type, nullable=c.is_optional) for c in columns),
            *PROVENANCE,
        ]
    )
    for kind, columns in COLUMNS.items()
}


def _is_positive_or_none(*names: str) -> Callable[[Record], bool]:
    return lambda row: all((value := row[name]) is None or value > 0 for name in names)


def _token_prices(row: Record) -> list[Decimal]:
    names = ("input", "output", "cache_read", "cache_write")
    listed = (row[f"usd_per_million_{name}_tokens"] for name in names)
    return [price for price in listed if price is not None]


# (rule, reason, what must hold of the row), read after every field has its right type.
CONTRACT: Mapping[str, tuple[tuple[str, str, Callable[[Record], bool]], ...]] = {
    "offer": (
        (
            "price_zero",
            "price is 0: not offered, or not said",
            lambda row: row["price_amount"] != 0,
        ),
        ("price_negative", "price is negative", lambda row: row["price_amount"] > 0),
        (
            "currency_unknown",
            "currency is not three capital letters",
            lambda row: re.fullmatch("[A-Z]{3}", row["currency"]) is not None,
        ),
        (
            "gpu_count_not_positive",
            "an offer has one GPU at least",
            lambda row: row["gpu_count"] >= 1,
        ),
        ("sku_missing", "the offer has no name of its own", lambda row: bool(row["sku"].strip())),
        (
            "gpu_name_missing",
            "the GPU has no name",
            lambda row: bool(row["gpu_name_printed"].strip()),
        ),
        (
            "size_not_positive",
            "a size or a term is not positive",
            _is_positive_or_none(
                "gpu_memory_bytes", "memory_bytes", "vcpu_count", "commitment_months"
            ),
        ),
        (
            "upfront_out_of_range",
            "the upfront share is not between 0 and 1",
            lambda row: row["upfront_fraction"] is None or 0 <= row["upfront_fraction"] <= 1,
        ),
    ),
    "api_price": (
        (
            "price_negative",
            "a token price is negative",
            lambda row: all(price >= 0 for price in _token_prices(row)),
        ),
        (
            # The most expensive model so far costs 600 USD; above 5,000 the unit is wrong.
            "price_implausible",
            "a token price is over 5,000 USD per million tokens",
            lambda row: all(price <= 5000 for price in _token_prices(row)),
        ),
    ),
    "series_point": (),
    "table_row": (),
}
