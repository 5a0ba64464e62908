"""Answers in another currency than US dollars: which of their figures are money, and at what rate.

Answers are computed in US dollars. They are converted once, where they are printed. Names and units
carry the currency: ``usd_per_gpu_hour`` becomes ``eur_per_gpu_hour``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import duckdb

from warehouse.reports import run_report

DOLLARS = "USD"
ENDS = ("low", "high", "low_80", "high_80")
BOUNDS = frozenset(
    {*ENDS, "p10", "p90", *(f"{day}_{end}" for day in ("then", "now") for end in ENDS)}
)
"""Ends of the interval of the money in their row, unless the row has a unit."""

OF_UNIT = BOUNDS | {
    "value", "central", "a", "a_low", "a_high", "b", "b_low", "b_high",
}  # fmt: skip
"""Figures of a row that says their unit in a column ``unit``."""

WITHOUT_UNIT_IN_NAME = frozenset({"break_even_spend_low", "break_even_spend_high"})
"""Money whose name does not say so: ends of the interval of break_even_spend_usd_per_year."""

COUNTED = re.compile(r"(^|_)per_usd(_|$)")  # how much one dollar buys
TOKEN = re.compile(r"(?<![a-z0-9])usd(?![a-z0-9])")


class CurrencyError(ValueError):
    """A currency without a rate; one line that lists those that have one."""


@dataclass(frozen=True)
class Rate:
    """What one unit of a currency was worth on a day. [USD]."""

    currency: str
    usd_per_unit: float
    day: date

    def as_data(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return {
            "code": self.currency,
            "usd_per_unit": self.usd_per_unit,
            "rate_day": self.day.isoformat(),
        }

    def __str__(self) -> str:
        """Return the rate for people."""
        return f"in {self.currency}: 1 {self.currency} = {self.usd_per_unit:.4f} USD on {self.day}"


def rate_of(connection: duckdb.DuckDBPyConnection, currency: str, on: date) -> Rate:
    """Return the newest rate of a currency up to a day.

    Parameters
    ----------
    connection : DuckDBPyConnection
        A published file, or a past of it.
    currency : str
        ISO 4217, in any case.
    on : date
        The day of the prices.

    Raises
    ------
    CurrencyError
        If there is none; lists those that there are.
    """
    rates = newest_rates(connection, on)
    if currency.upper() not in rates:
        none = " (the source ecb, which has the rates, has not answered)" if len(rates) == 1 else ""
        raise CurrencyError(
            f"no rate of {currency!r} up to {on}; there are: {', '.join(sorted(rates))}{none}"
        )
    return rates[currency.upper()]


def newest_rates(connection: duckdb.DuckDBPyConnection, on: date) -> dict[str, Rate]:
    """Return the newest rate of each currency up to a day, the dollar among them."""
    rows = run_report(connection, "exchange_rates", day=on).rows
    rates: dict[str, Rate] = {
        code: Rate(code, usd_per_unit, day) for code, day, usd_per_unit in rows
    }
    return {DOLLARS: Rate(DOLLARS, 1.0, on)} | rates


# --- what is money


def is_money(name: str) -> bool:
    """Return whether a figure of this name is an amount of money, or per amount of money.

    Examples
    --------
    >>> [is_money(name) for name in ("usd_per_gpu_hour", "million_usd", "low", "usda")]
    [True, True, False, False]
    """
    return bool(TOKEN.search(name.lower().replace("_", " "))) or name in WITHOUT_UNIT_IN_NAME


def renamed(name: str, rate: Rate) -> str:
    """Return a name that carries a currency, with the other one.

    Examples
    --------
    >>> renamed("usd_per_gpu_hour", Rate("EUR", 1.1, date(2026, 8, 7)))
    'eur_per_gpu_hour'
    """
    return "_".join(
        rate.currency.lower() if part == "usd" else in_words(part, rate) for part in name.split("_")
    )


def in_words(text: str, rate: Rate) -> str:
    """Return a unit or a title that names US dollars, with the other currency.

    Examples
    --------
    >>> in_words("USD/(GPU h)", Rate("EUR", 1.1, date(2026, 8, 7)))
    'EUR/(GPU h)'
    """
    return re.sub(r"\bUSD\b", rate.currency, text)


def converted(answer: Any, rate: Rate) -> Any:
    """Return an answer with all its money in another currency, and nothing else changed.

    Parameters
    ----------
    answer : mapping, list or scalar
        Mappings by name, nested at will. A name that is a number becomes text, as in JSON.
    rate : Rate

    Examples
    --------
    >>> rate = Rate("EUR", 1.25, date(2026, 8, 7))
    >>> converted({"usd": 5.0, "low": 2.5, "gpu_count": 8, "hours": {"low": 1.0}}, rate)
    {'eur': 4.0, 'low': 2.0, 'gpu_count': 8, 'hours': {'low': 1.0}}
    >>> converted([{"name": "pue", "value": 1.1, "unit": "1"}], rate)
    [{'name': 'pue', 'value': 1.1, 'unit': '1'}]
    >>> converted([{"name": "price", "value": 2.5, "unit": "USD/(GPU h)"}], rate)
    [{'name': 'price', 'value': 2.0, 'unit': 'EUR/(GPU h)'}]
    >>> converted({"usd": [5.0, 10.0], "bytes_by_stage": {0: 16.0}}, rate)
    {'eur': [4.0, 8.0], 'bytes_by_stage': {'0': 16.0}}
    """
    if isinstance(answer, list):
        return [converted(item, rate) for item in answer]
    if not isinstance(answer, Mapping):
        return answer
    named = {str(name): value for name, value in answer.items()}
    unit = named.get("unit")
    if isinstance(unit, str):
        own = OF_UNIT if unit.startswith(DOLLARS) else frozenset()
    else:
        own = BOUNDS if any(is_money(name) for name in named) else frozenset()
    found = {}
    for name, value in named.items():
        if name == "unit" and isinstance(value, str):
            found[name] = in_words(value, rate)
        elif is_money(name) or name in own:
            found[renamed(name, rate)] = amount(name, value, rate)
        else:
            found[name] = converted(value, rate)
    return found


def amount(name: str, value: Any, rate: Rate) -> Any:
    """Return an amount of US dollars in another currency; text and null stay as they are.

    Examples
    --------
    >>> rate = Rate("EUR", 1.25, date(2026, 8, 7))
    >>> amount("usd", 5, rate), amount("flop_per_usd", 4.0, rate), amount("usd", (5.0, 10.0), rate)
    (4.0, 5.0, (4.0, 8.0))
    """
    if isinstance(value, tuple):
        return tuple(amount(name, part, rate) for part in value)
    if isinstance(value, list):
        return [amount(name, part, rate) for part in value]
    if isinstance(value, Mapping):
        return converted(value, rate)
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        return value
    factor = rate.usd_per_unit if COUNTED.search(name) else 1 / rate.usd_per_unit
    return float(value) * factor
