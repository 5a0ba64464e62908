"""Rows of the charts of predicted against reported values."""

from __future__ import annotations

from pipelines.site.published import Row


def commonest_unit(cases: list[Row]) -> str:
    """Return the unit of most cases, the first by name of several; empty without a case."""
    units: list[str] = [case["unit"] for case in cases]
    return max(sorted(set(units)), key=units.count, default="")


def with_equality(cases: list[Row]) -> list[Row]:
    """Return the cases and the two ends of the line on which predicted equals reported."""
    ends = [case[key] for case in cases for key in ("reported", "predicted")]
    line = [{"part": "line", "reported": end, "predicted": end} for end in (min(ends), max(ends))]
    return [*cases, *line]
