"""``marts.own_vs_rent``: owning against renting each GPU of the purchase list, with a band.

Here belongs the binding of assumptions, purchase prices and tracked prices to
``cost_engine.own_or_rent``; the answer of ``truecost own-vs-rent`` takes them from here too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from cost_engine.own_or_rent import Comparison, Ranges, comparison, ownership_draws
from cost_engine.ownership import Ownership, at_size, hall_usd_per_kilowatt_month
from cost_engine.purchases import Listing, PurchasePrice
from cost_engine.purchases import purchase_price as price_of_listings
from cost_engine.training.published.figures import OTHER
from pipelines.derive import training_method
from pipelines.derive.epoch import TableError
from pipelines.derive.price_basis import DEFAULT_BASIS, GpuPrice, basis_prices
from pipelines.derive.reference_tables import recorded_documents
from pipelines.derive.writing import write_table
from warehouse.reference import Documents, read_gpus
from warehouse.reference.ownership import (
    ListedPurchase,
    hall_assumptions,
    listed_purchases,
    ownership_assumptions,
    sized_assumptions,
)
from warehouse.reference.training import electricity_by_year

DRAWS = 2_000
SEED = 20261121
CLUSTER_SIZES = (8, 64, 256, 1024, 4096, 16384)

_SCHEMA = pa.schema(
    [
        ("gpu_id", pa.string()),
        ("gpu_count", pa.int32()),
        ("day", pa.date32()),
        ("rental_usd_per_gpu_hour", pa.float64()),
        ("rental_usd_per_gpu_hour_low", pa.float64()),
        ("rental_usd_per_gpu_hour_high", pa.float64()),
        ("market_family", pa.string()),
        ("reference_region", pa.string()),
        ("is_default_basis", pa.bool_()),
        ("provider_count", pa.int32()),
        ("oldest_seen_at", pa.timestamp("us")),
        ("purchase_usd_per_gpu", pa.float64()),
        ("purchase_priced_on", pa.date32()),
        ("fleet_utilisation_fraction", pa.float64()),
        ("owned_usd_per_gpu_hour", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("break_even_utilisation_fraction", pa.float64()),
        ("break_even_utilisation_low", pa.float64()),
        ("break_even_utilisation_high", pa.float64()),
        ("break_even_month", pa.float64()),
        ("break_even_month_low", pa.float64()),
        ("break_even_month_high", pa.float64()),
        ("break_even_spend_usd_per_year", pa.float64()),
        ("break_even_spend_low", pa.float64()),
        ("break_even_spend_high", pa.float64()),
        ("probability_owning_is_cheaper", pa.float64()),
        ("reason", pa.string()),
        ("source_url", pa.string()),
    ]
)


def derive(connection: duckdb.DuckDBPyConnection, on: date) -> None:
    """Make the table at the prices of a day."""
    rows = comparison_rows(
        basis_prices(connection, DEFAULT_BASIS), on, recorded_documents(connection)
    )
    write_table(connection, "marts.own_vs_rent", rows, _SCHEMA)


def comparison_rows(
    prices: Mapping[str, GpuPrice], on: date, documents: Documents
) -> list[dict[str, Any]]:
    """Return owning against renting for every GPU of the purchase list, at several sizes."""
    usd_per_kwh = electricity_on(on, documents)
    watts = board_power_watts(documents)
    rows: list[dict[str, Any]] = []
    for gpu_id in sorted({row.gpu_id for row in listed_purchases(documents)}):
        rental = prices.get(gpu_id)
        list_price = purchase_price(gpu_id, on, documents)
        known = {
            "gpu_id": gpu_id,
            "day": rental.day if rental else None,
            "purchase_usd_per_gpu": list_price.usd if list_price else None,
            "purchase_priced_on": list_price.priced_on if list_price else None,
            "source_url": list_price.source_url if list_price else None,
        }
        if rental is not None:
            known |= {
                "rental_usd_per_gpu_hour": rental.usd_per_gpu_hour,
                "rental_usd_per_gpu_hour_low": rental.low,
                "rental_usd_per_gpu_hour_high": rental.high,
                "market_family": rental.market_family,
                "reference_region": rental.reference_region,
                "is_default_basis": rental.is_on_basis,
                "provider_count": rental.provider_count,
                "oldest_seen_at": rental.oldest_seen_at,
            }
        reason = _reason(gpu_id, rental, list_price, documents)
        for count in CLUSTER_SIZES:
            if reason or rental is None or list_price is None:
                rows.append(known | {"gpu_count": count, "reason": reason})
                continue
            compared = compare(
                gpu_count=count,
                rental=rental,
                purchase_usd=list_price.usd,
                board_power_watts=watts[gpu_id],
                usd_per_kwh=usd_per_kwh,
                documents=documents,
            )
            rows.append(
                known
                | {"gpu_count": count, "fleet_utilisation_fraction": utilisation({}, documents)}
                | asdict(compared)
            )
    return rows


def _reason(
    gpu_id: str,
    rental: GpuPrice | None,
    list_price: PurchasePrice | None,
    documents: Documents,
) -> str | None:
    """Return why a GPU cannot be compared, None if it can."""
    if any(row.basis == "equivalent" for row in _listings(gpu_id, documents)):
        return "not sold: its price is an equivalent made from manufacturing cost"
    if list_price is None:
        return f"no purchase price: {no_price_reason(gpu_id, documents)}"
    if rental is None:
        return "no fresh price on demand"
    if gpu_id not in board_power_watts(documents):
        return "no board power"
    return None


def compare(
    *,
    gpu_count: int,
    rental: GpuPrice,
    purchase_usd: float,
    board_power_watts: float,
    usd_per_kwh: float,
    documents: Documents,
    fixed: Mapping[str, float] | None = None,
    is_own_hall: bool = False,
) -> Comparison:
    """Return owning against renting one kind of GPU at one size of cluster.

    Parameters
    ----------
    gpu_count : int
    rental : GpuPrice
    purchase_usd : float
        One GPU with its share of a server. [USD]
    board_power_watts : float
        [W]
    usd_per_kwh : float
        [USD / kWh]
    documents : Documents
        With the assumptions of ownership.
    fixed : mapping of str to float, optional
        Assumptions that the user gave: not drawn.
    is_own_hall : bool
        Whether the hall is built instead of rented.
    """
    return comparison(
        gpu_count=gpu_count,
        median_usd_per_gpu_hour=rental.usd_per_gpu_hour,
        p10_usd_per_gpu_hour=rental.low,
        p90_usd_per_gpu_hour=rental.high,
        purchase_usd=purchase_usd,
        board_power_watts=board_power_watts,
        usd_per_kwh=usd_per_kwh,
        fleet_utilisation_fraction=utilisation(fixed or {}, documents),
        ranges={
            **ranges_at(gpu_count, documents),
            **(own_hall_range(documents) if is_own_hall else {}),
        },
        fixed=fixed or {},
        seed=SEED,
        draws=DRAWS,
    )


def utilisation(fixed: Mapping[str, float], documents: Documents) -> float:
    """Return the share of the hours that an owned GPU works, as given or as assumed [1]."""
    assumed = ownership_assumptions(documents)["fleet_utilisation_fraction"].central
    return fixed.get("fleet_utilisation_fraction", assumed)


def ranges_at(gpu_count: int, documents: Documents) -> Ranges:
    """Return the assumptions at a size of cluster: those that depend on it lie between rows."""
    fixed = {
        name: (row.low, row.central, row.high)
        for name, row in ownership_assumptions(documents).items()
    }
    return fixed | {
        name: (
            at_size(sizes, [row.low for row in rows], gpu_count),
            at_size(sizes, [row.central for row in rows], gpu_count),
            at_size(sizes, [row.high for row in rows], gpu_count),
        )
        for name, rows in sized_assumptions(documents).items()
        if (sizes := [row.gpu_count for row in rows])
    }


def own_hall_range(documents: Documents) -> Ranges:
    """Return what a hall of one's own takes in place of the rent of one."""
    rows = {**hall_assumptions(documents), **ownership_assumptions(documents)}

    def at(end: str, of_lifetime: str) -> float:
        return hall_usd_per_kilowatt_month(
            getattr(rows["hall_usd_per_kilowatt"], end),
            getattr(rows["interest_fraction"], end),
            getattr(rows["hall_lifetime_years"], of_lifetime),
            getattr(rows["hall_operations_fraction"], end),
        )

    # A hall that lasts longer is cheaper.
    low, central, high = at("low", "high"), at("central", "central"), at("high", "low")
    return {"space_usd_per_kilowatt_month": (low, central, high)}


def central_case(
    gpu_count: int,
    purchase_usd: float,
    board_power_watts: float,
    usd_per_kwh: float,
    documents: Documents,
    fixed: Mapping[str, float],
) -> Ownership:
    """Return the central case of owning at one size of cluster."""
    central, _, _ = ownership_draws(
        purchase_usd,
        board_power_watts,
        usd_per_kwh,
        ranges_at(gpu_count, documents),
        fixed,
        np.random.default_rng(SEED),
        1,
    )
    return central


def electricity_on(on: date, documents: Documents, country: str = "US") -> float:
    """Return the price of electricity of a country on a day [USD / kWh].

    That of the newest year up to the day; of the oldest year, if the day is before it.
    """
    by_year = electricity_by_year(documents, country)
    year = max((year for year in by_year if year <= on.year), default=min(by_year))
    return by_year[year]


def board_power_watts(documents: Documents) -> Mapping[str, float]:
    """Return the board power of each accelerator of the reference data [W]."""
    return {
        gpu.gpu_id: gpu.board_power_watts for gpu in read_gpus(documents) if gpu.board_power_watts
    }


def _listings(gpu_id: str, documents: Documents) -> list[ListedPurchase]:
    return [row for row in listed_purchases(documents) if row.gpu_id == gpu_id]


def purchase_price(gpu_id: str, on: date, documents: Documents) -> PurchasePrice | None:
    """Return the median of the newest list prices of a GPU known on a day; None without any.

    Raises
    ------
    TableError
        If the price list does not mention the GPU at all.
    """
    rows = _listings(gpu_id, documents)
    if not rows:
        known = ", ".join(sorted({row.gpu_id for row in listed_purchases(documents)}))
        raise TableError(
            f"gpu_id = {gpu_id!r}: not in the purchase prices, so give --purchase-usd; there are"
            f" {known}"
        )
    listings = [
        Listing(row.usd_per_gpu, row.priced_on, row.basis == "server_share", row.source_url or "")
        for row in rows
        if row.usd_per_gpu is not None and row.priced_on is not None and row.priced_on <= on
    ]
    overhead = training_method.figures(documents).server_overheads[OTHER]
    return price_of_listings(listings, overhead)


def no_price_reason(gpu_id: str, documents: Documents) -> str:
    """Return why a GPU of the list has no purchase price."""
    notes = [row.note for row in _listings(gpu_id, documents)]
    return notes[0] if notes else "not in the purchase prices"
