"""Own or rent, from reference assumptions and tracked prices, with a band.

Assumptions are in ``warehouse/reference/ownership.csv``, purchase prices in
``purchase_prices.csv``; the sums are in ``cost_engine.ownership``.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from statistics import median
from typing import Any

import numpy as np
import pyarrow as pa

from cost_engine.ownership import Ownership, break_even_spend_usd_per_year
from cost_engine.uncertainty import lognormal
from pipelines.costing.epoch import TableError
from pipelines.costing.training_runs import REFERENCE, electricity_by_year

DRAWS = 2_000
SEED = 20261121
CLUSTER_SIZES = (8, 256, 1024, 4096, 16384)
QUANTILES = (0.05, 0.5, 0.95)
RECENT_DAYS = 400
"""Purchase prices this much older than the newest of a GPU still count for its median. [d]"""

Tracked = Mapping[tuple[str, str, int | None], Mapping[str, Any]]

COMPARISON_SCHEMA = pa.schema(
    [
        ("gpu_id", pa.string()),
        ("gpu_count", pa.int32()),
        ("day", pa.date32()),
        ("rental_usd_per_gpu_hour", pa.float64()),
        ("purchase_usd_per_gpu", pa.float64()),
        ("purchase_priced_on", pa.date32()),
        ("utilisation_fraction", pa.float64()),
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


@dataclass(frozen=True)
class Assumption:
    """One assumed parameter with its band and who says so."""

    name: str
    low: float
    central: float
    high: float
    unit: str
    source: str
    source_url: str | None
    note: str


@cache
def assumptions() -> Mapping[str, Assumption]:
    """Return the ownership assumptions by name."""
    with (REFERENCE / "ownership.csv").open(encoding="utf-8", newline="") as lines:
        return {
            row["parameter"]: Assumption(
                row["parameter"],
                float(row["low"]),
                float(row["central"]),
                float(row["high"]),
                row["unit"],
                row["source"],
                row["source_url"] or None,
                row["note"],
            )
            for row in csv.DictReader(lines)
        }


@dataclass(frozen=True)
class PurchasePrice:
    """What one GPU with its share of a server was last listed at."""

    gpu_id: str
    usd: float
    priced_on: date
    count: int
    source_url: str


SINGLE_GPU_MARKUP = 1.64
"""Server over chip price, for a price of the chip alone. [1] arXiv:2405.21015."""


@cache
def _purchase_rows() -> tuple[dict[str, str], ...]:
    with (REFERENCE / "purchase_prices.csv").open(encoding="utf-8", newline="") as lines:
        return tuple(csv.DictReader(lines))


def purchase_price(gpu_id: str, on: date) -> PurchasePrice | None:
    """Return the median of the newest list prices of a GPU known on a day; None where it has none.

    Raises
    ------
    TableError
        For a GPU that the price list does not mention at all.
    """
    rows = [row for row in _purchase_rows() if row["gpu_id"] == gpu_id]
    if not rows:
        known = ", ".join(sorted({row["gpu_id"] for row in _purchase_rows()}))
        raise TableError(f"gpu_id = {gpu_id!r}: not in the purchase prices; there are {known}")
    dated = [
        (date.fromisoformat(row["priced_on"]), row)
        for row in rows
        if row["usd_per_gpu"] and row["priced_on"] <= on.isoformat()
    ]
    if not dated:
        return None
    newest = max(day for day, _ in dated)
    recent = [(day, row) for day, row in dated if (newest - day).days <= RECENT_DAYS]
    shares = [(day, row) for day, row in recent if row["basis"] == "server_share"] or recent
    values = [
        float(row["usd_per_gpu"]) * (1.0 if row["basis"] == "server_share" else SINGLE_GPU_MARKUP)
        for _, row in shares
    ]
    middle = median(values)
    nearest = min(zip(values, shares, strict=True), key=lambda pair: abs(pair[0] - middle))[1]
    return PurchasePrice(gpu_id, middle, newest, len(values), nearest[1]["source_url"])


def _is_equivalent(gpu_id: str) -> bool:
    return any(row["gpu_id"] == gpu_id and row["basis"] == "equivalent" for row in _purchase_rows())


def no_price_reason(gpu_id: str) -> str:
    """Return why a GPU of the list has no purchase price."""
    notes = [row["note"] for row in _purchase_rows() if row["gpu_id"] == gpu_id]
    return notes[0] if notes else "not in the purchase prices"


def ownership_draws(
    purchase_usd: float,
    board_power_watts: float,
    usd_per_kwh: float,
    fixed: Mapping[str, float] | None = None,
    draws: int = DRAWS,
) -> tuple[Ownership, Ownership, np.ndarray[Any, np.dtype[np.float64]]]:
    """Return the central case, the drawn cases and the drawn utilisation.

    Parameters
    ----------
    purchase_usd : float
        List price of one GPU with its share of a server. [USD]
    board_power_watts, usd_per_kwh : float
        [W], [USD / kWh]
    fixed : mapping, optional
        Parameters that the user gave: not drawn.
    draws : int
    """
    fixed = fixed or {}
    generator = np.random.default_rng(SEED)
    central: dict[str, Any] = {}
    drawn: dict[str, Any] = {}
    for name, item in assumptions().items():
        sample = lognormal(generator, item.low, item.high, draws)
        central[name] = fixed.get(name, item.central)
        drawn[name] = np.full(draws, fixed[name]) if name in fixed else sample
    for name in ("network_fraction", "residual_fraction", "idle_power_fraction"):
        drawn[name] = np.minimum(drawn[name], 0.9)
    utilisation = np.minimum(drawn.pop("utilisation_fraction"), 1.0)
    central.pop("utilisation_fraction")

    def build(values: dict[str, Any]) -> Ownership:
        factor = values.pop("purchase_price_factor")
        electricity = values.pop("electricity_factor")
        return Ownership(
            purchase_usd=purchase_usd * factor,
            board_power_watts=board_power_watts,
            usd_per_kwh=usd_per_kwh * electricity,
            **values,
        )

    return build(central), build(drawn), utilisation


def comparison(
    gpu_id: str,
    gpu_count: int,
    rental: Mapping[str, float],
    purchase: PurchasePrice,
    board_power_watts: float,
    usd_per_kwh: float,
    fixed: Mapping[str, float] | None = None,
    draws: int = DRAWS,
) -> dict[str, Any]:
    """Return owning against renting one GPU type at one cluster size.

    Parameters
    ----------
    gpu_id : str
    gpu_count : int
    rental : mapping
        ``median``, ``p10`` and ``p90`` of the rental price. [USD / (GPU h)]
    purchase : PurchasePrice
    board_power_watts, usd_per_kwh : float
    fixed : mapping, optional
        Assumptions that the user gave.
    draws : int
    """
    central, drawn, utilisation = ownership_draws(
        purchase.usd, board_power_watts, usd_per_kwh, fixed, draws
    )
    typical = (fixed or {}).get(
        "utilisation_fraction", assumptions()["utilisation_fraction"].central
    )
    deviation = np.log(rental["p90"] / rental["p10"]) / 2.5631031310892007
    rents = rental["median"] * np.exp(
        deviation * np.random.default_rng(SEED + 1).standard_normal(draws)
    )
    owned = drawn.usd_per_gpu_hour(gpu_count, utilisation)
    return {
        "gpu_id": gpu_id,
        "gpu_count": gpu_count,
        "rental_usd_per_gpu_hour": rental["median"],
        "purchase_usd_per_gpu": purchase.usd,
        "purchase_priced_on": purchase.priced_on,
        "utilisation_fraction": typical,
        "owned_usd_per_gpu_hour": central.usd_per_gpu_hour(gpu_count, typical),
        **_band("", owned, ("low", "high")),
        "break_even_utilisation_fraction": _finite(
            central.break_even_utilisation(rental["median"], gpu_count)
        ),
        **_band("break_even_utilisation_", drawn.break_even_utilisation(rents, gpu_count)),
        "break_even_month": _finite(central.break_even_month(rental["median"], gpu_count, typical)),
        **_band("break_even_month_", drawn.break_even_month(rents, gpu_count, utilisation)),
        "break_even_spend_usd_per_year": _finite(
            break_even_spend_usd_per_year(central, rental["median"], typical)
        ),
        **_band("break_even_spend_", break_even_spend_usd_per_year(drawn, rents, utilisation)),
        "probability_owning_is_cheaper": float(np.mean(owned < rents)),
        "source_url": purchase.source_url,
    }


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _band(
    prefix: str, draws: Any, names: tuple[str, str] = ("low", "high")
) -> dict[str, float | None]:
    """Return the 5th and 95th percentile; None where that end is never."""
    low, high = np.quantile(draws, [QUANTILES[0], QUANTILES[2]], method="higher")
    return {f"{prefix}{names[0]}": _finite(low), f"{prefix}{names[1]}": _finite(high)}


@cache
def board_power_watts() -> Mapping[str, float]:
    """Return the board power of each accelerator of the reference data [W]."""
    from warehouse.reference import load_gpus

    return {gpu.gpu_id: gpu.board_power_watts for gpu in load_gpus() if gpu.board_power_watts}


def comparison_rows(tracked: Tracked, on: date) -> list[dict[str, Any]]:
    """Return owning against renting for every GPU of the purchase list, at several sizes."""
    electricity = electricity_by_year()
    usd_per_kwh = electricity[min(on.year, max(electricity))]
    rows: list[dict[str, Any]] = []
    for gpu_id in sorted({row["gpu_id"] for row in _purchase_rows()}):
        rental = tracked.get((gpu_id, "on_demand", None))
        purchase = purchase_price(gpu_id, on)
        watts = board_power_watts().get(gpu_id)
        reason = None
        if _is_equivalent(gpu_id):
            reason = "not sold: its price is an equivalent made from manufacturing cost"
        elif purchase is None:
            reason = f"no purchase price: {no_price_reason(gpu_id)}"
        elif rental is None:
            reason = "no tracked on-demand price"
        elif watts is None:
            reason = "no board power"
        for count in CLUSTER_SIZES:
            if reason or purchase is None or rental is None or watts is None:
                rows.append(
                    {
                        "gpu_id": gpu_id,
                        "gpu_count": count,
                        "day": rental["day"] if rental else None,
                        "rental_usd_per_gpu_hour": rental["median"] if rental else None,
                        "purchase_usd_per_gpu": purchase.usd if purchase else None,
                        "purchase_priced_on": purchase.priced_on if purchase else None,
                        "reason": reason,
                        "source_url": purchase.source_url if purchase else None,
                    }
                )
                continue
            rows.append(
                {
                    **comparison(gpu_id, count, rental, purchase, watts, usd_per_kwh),
                    "day": rental["day"],
                }
            )
    return rows
