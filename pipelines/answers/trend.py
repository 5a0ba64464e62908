"""The answer of ``truecost trend``: growth of training costs over models that a caller chooses.

Reads costed models of the published file; the line and its intervals are in ``cost_engine.trends``.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb

from cost_engine.trends import decimal_year, fitted_trend
from warehouse.reports import report, report_dicts

FEWEST_MODELS = 3
"""Models below which no line is fitted. [1]"""
YEARS_AHEAD = 3
"""Years after the newest model for which a cost is projected. [year]"""
SUFFIXES = {"K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}
COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<=": operator.le, ">=": operator.ge, "!=": operator.ne, "=": operator.eq,
    "<": operator.lt, ">": operator.gt, "~": lambda value, part: part in value,
}  # fmt: skip

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Condition:
    """A column, a comparison and a value, as typed: ``organization~openai``."""

    column: str
    sign: str
    text: str

    def __str__(self) -> str:
        """Return it as it can be typed again."""
        return f"{self.column}{self.sign}{self.text}"

    def holds(self, row: Row) -> bool:
        """Return whether a row fulfils it; what is not known fulfils nothing.

        Raises
        ------
        ValueError
            If the value is not of the kind of the column, or the kind cannot be compared so.
        """
        value = row[self.column]
        if value is None:
            return False
        wanted = self._like(value)
        if isinstance(value, str):
            value = value.casefold()
        return COMPARISONS[self.sign](value, wanted)

    def _like(self, value: Any) -> Any:
        """Return the text as the kind of a value."""
        text = self.text.strip()
        if isinstance(value, str):
            return text.casefold()
        if self.sign == "~":
            raise ValueError(f"--where {self}: ~ looks for a part of a text; {self.column} is none")
        try:
            if isinstance(value, bool):
                return {"true": True, "yes": True, "false": False, "no": False}[text.lower()]
            if isinstance(value, date):
                return date.fromisoformat(text + "-01-01"[len(text) - 4 :])
            factor = SUFFIXES.get(text[-1:].upper(), 1.0)
            return float(text[:-1] if factor != 1.0 else text) * factor
        except (KeyError, ValueError):
            kind = {bool: "yes or no", date: "a day, such as 2023-01-01 or 2023"}.get(type(value))
            raise ValueError(
                f"--where {self}: {self.column} takes {kind or 'a number, such as 70B or 1e24'}"
            ) from None


def conditions_of(texts: Sequence[str]) -> list[Condition]:
    """Return the conditions that were typed.

    Raises
    ------
    ValueError
        If one is none, or names a column that is not there.

    Examples
    --------
    >>> [str(one) for one in conditions_of(["compute_rank <= 10", "organization~Meta"])]
    ['compute_rank<=10', 'organization~Meta']
    """
    columns = [one.name for one in report("trend_models").columns]
    found = []
    for text in texts:
        match = re.fullmatch(r"\s*(\w+)\s*(<=|>=|!=|=|<|>|~)\s*(\S.*)", text)
        if match is None:
            raise ValueError(f"--where {text!r}: give COLUMN=VALUE, with = != < <= > >= or ~")
        column, sign, value = match.groups()
        if column not in columns:
            raise ValueError(f"--where {column}: no such column; there are: {', '.join(columns)}")
        found.append(Condition(column, sign, value.strip()))
    return found


def trend_answer(
    connection: duckdb.DuckDBPyConnection,
    conditions: Sequence[Condition],
    method: str = "amortized",
    price_basis: str = "clean",
    level: float = 0.9,
    target_usd: float = 1e9,
) -> dict[str, Any]:
    """Return the growth of real cost over the models that fulfil all conditions.

    Parameters
    ----------
    connection : DuckDBPyConnection
        A published file, or a past of it.
    conditions : sequence of Condition
    method : {"amortized", "acquisition", "rental"}
    price_basis : str
        Vintage of the rules.
    level : float
        Of all intervals. [1]
    target_usd : float
        Cost whose date is projected. [USD]

    Raises
    ------
    ValueError
        If fewer than ``FEWEST_MODELS`` models, or those of one day alone, are left.
    """
    rows = report_dicts(connection, "trend_models", method=method, price_basis=price_basis)
    models = [row for row in rows if all(one.holds(row) for one in conditions)]
    if len({row["published_on"] for row in models}) < FEWEST_MODELS:
        raise ValueError(_too_few(rows, models, conditions))
    years = [decimal_year(row["published_on"]) for row in models]
    fitted = fitted_trend(years, [row["usd_real"] for row in models])
    low, high = fitted.growth_interval(level)
    newest = int(max(years))
    projected = []
    for year in range(newest + 1, newest + 1 + YEARS_AHEAD):
        ends = fitted.prediction_interval(float(year), level)
        projected.append(
            {"year": year, "usd": fitted.cost_usd(float(year)), "low": ends[0], "high": ends[1]}
        )
    return {
        "method": method,
        "price_basis": price_basis,
        "real_month": models[0]["real_month"],
        "where": [str(one) for one in conditions],
        "model_count": fitted.count,
        "growth_per_year": fitted.growth_per_year,
        "ci_low": low,
        "ci_high": high,
        "ci_level": level,
        "years_to_double": fitted.years_to_double,
        "r_squared": fitted.r_squared,
        "residual_deviation_orders": fitted.residual_deviation,
        "target_usd": target_usd,
        "target_reached_mean_on": fitted.date_reached(target_usd),
        "target_reached_anchored_on": fitted.date_reached(target_usd, "max"),
        "target_reached_anchored_earliest_on": fitted.date_reached(target_usd, "max", high),
        "target_reached_anchored_latest_on": fitted.date_reached(target_usd, "max", low),
        "projected": projected,
        "models": models,
    }


def _too_few(rows: Sequence[Row], models: Sequence[Row], conditions: Sequence[Condition]) -> str:
    """Return that too few models are left, and which condition leaves out the most."""
    message = f"models left: {len(models)}; a line needs {FEWEST_MODELS} of different days"
    without = {
        str(one): sum(
            all(other.holds(row) for other in conditions if other is not one) for row in rows
        )
        for one in conditions
    }
    if not without:
        return f"{message}; there are {len(rows)} in this file"
    best = max(without, key=lambda name: without[name])
    return f"{message}; without --where {best!r} there are {without[best]}"
