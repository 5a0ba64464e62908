"""Rows of the page of value: the marks of its charts."""

from __future__ import annotations

from collections.abc import Mapping

from pipelines.site.published import Row
from pipelines.site.rows.prices import has_enough

CHARTED = 24  # GPUs of one chart
USUAL_FLOP = "achieved"  # shown until the reader chooses
MARK_FIELDS = (
    "gpu_id", "family", "precision", "purchase_model", "usd_per_gpu_hour", "provider_count", "day",
)  # fmt: skip


def usual(rows: list[Row]) -> list[Row]:
    """Return the rows that the page shows first: bf16, on demand."""
    return [
        row for row in rows if row["precision"] == "bf16" and row["purchase_model"] == "on_demand"
    ]


def cheapest_marks(rows: list[Row], ways: Mapping[str, tuple[str, str, str]]) -> list[Row]:
    """Return the cheapest GPUs of every choice of filters, cheapest first.

    Parameters
    ----------
    rows : list of dict
        Prices with the family of each GPU.
    ways : mapping
        From the operations counted to the columns of a price and of its interval.
    """
    marks = [
        {
            **{key: row[key] for key in MARK_FIELDS},
            **({"flop": flop} if flop else {}),
            **({"utilisation_fraction": row["utilisation_fraction"]} if flop == "achieved" else {}),
            "usd": row[usd], "low": row[low], "high": row[high],
        }
        for flop, (usd, low, high) in ways.items()
        for row in rows
        if row[usd] is not None and has_enough(row)
    ]  # fmt: skip
    chosen: list[Row] = []
    seen: dict[tuple[str, ...], int] = {}
    for mark in sorted(marks, key=lambda mark: mark["usd"]):
        choice = (mark["precision"], mark["purchase_model"], mark.get("flop", ""))
        seen[choice] = seen.get(choice, 0) + 1
        if seen[choice] <= CHARTED:
            chosen.append(mark)
    return chosen
