"""The newest tracked prices of each GPU up to a day, for the tables that need today's price."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import duckdb

from warehouse.models import table_exists
from warehouse.reports import run_report

ALL_MARKETS = "all"
"""The market family of all markets together."""

Key = tuple[str, str, int | None]
"""gpu_id, purchase model, commitment months."""


@dataclass(frozen=True, slots=True)
class TrackedPrice:
    """Median, 10th and 90th percentile of the prices of a GPU on a day [USD / (GPU h)]."""

    day: date | None  # None: the user gave the price
    median: float
    p10: float
    p90: float


TrackedPrices = Mapping[Key, TrackedPrice]


def tracked_prices(
    connection: duckdb.DuckDBPyConnection, on: date
) -> dict[str, dict[Key, TrackedPrice]]:
    """Return the newest prices of ``marts.gpu_price_daily`` up to a day, by market family.

    ``ALL_MARKETS`` is always there; it is empty where there are no prices.
    """
    found: dict[str, dict[Key, TrackedPrice]] = {ALL_MARKETS: {}}
    if not table_exists(connection, "marts.gpu_price_daily"):
        return found
    rows = run_report(connection, "tracked_prices", day=on).rows
    for family, gpu_id, purchase_model, months, *price in rows:
        found.setdefault(family, {})[gpu_id, purchase_model, months] = TrackedPrice(*price)
    return found
