"""Today's price of each GPU, for the tables that need one: fresh, of one family and region.

Reads ``marts.gpu_price_now``. There is no price over all families.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import duckdb

from pipelines.derive.price_basis import DEFAULT_BASIS
from warehouse.reports import report_dicts

Key = tuple[str, str, str, int | None]
"""Market family, gpu_id, purchase model, commitment months."""


@dataclass(frozen=True, slots=True)
class PriceNow:
    """The price of a GPU under one contract; intervals of 80 % [USD / (GPU h)]."""

    market_family: str
    gpu_id: str
    purchase_model: str
    commitment_months: int | None
    middle_usd_per_gpu_hour: float
    ask_low_usd_per_gpu_hour: float  # of what the next seller asks
    ask_high_usd_per_gpu_hour: float
    typical_low_usd_per_gpu_hour: float  # of the middle
    typical_high_usd_per_gpu_hour: float
    provider_count: int
    seen_on: date  # when the oldest of the prices was last shown


PricesNow = Mapping[Key, PriceNow]


def prices_now(
    connection: duckdb.DuckDBPyConnection, reference_region: str = DEFAULT_BASIS.reference_region
) -> PricesNow:
    """Return the price now of each market family, accelerator and contract."""
    rows = report_dicts(connection, "prices_now", reference_region=reference_region)
    found = (PriceNow(**row) for row in rows)
    return {
        (one.market_family, one.gpu_id, one.purchase_model, one.commitment_months): one
        for one in found
    }
