"""What is rented by the hour for the part of a load that is not reserved, and how its price moves.

Reads the published file. What to reserve beside it belongs to ``reserve``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import exp, hypot, log
from typing import Any

import duckdb

from cost_engine.commitments import drift_half_width_log
from warehouse.reference import Documents, read_gpus
from warehouse.reference.scenarios import scenario
from warehouse.reports import report_dicts

FEWEST_PROVIDERS = 3
"""A price of the market rests on no fewer. [1]"""


@dataclass(frozen=True)
class Burst:
    """What is rented by the hour for the part of a load that is not reserved."""

    name: str
    usd_per_gpu_hour: float  # of one GPU of the job, or of what replaces it
    log_variance_per_month: float | None = None  # None for a price that was given
    half_width_log: float = 0.0  # of the price today

    def interval(self, job_months: float) -> tuple[float, float] | None:
        """Return the 80 % interval of its mean over a job; None for a price that was given."""
        if self.log_variance_per_month is None:
            return None
        drift = drift_half_width_log(self.log_variance_per_month, job_months)
        factor = exp(hypot(drift, self.half_width_log))
        return self.usd_per_gpu_hour / factor, self.usd_per_gpu_hour * factor


def replacing_card(
    connection: duckdb.DuckDBPyConnection,
    gpu_id: str,
    burst_gpu_id: str,
    reference_region: str = "us",
    cards_per_gpu: float | None = None,
) -> Burst:
    """Return another card for peaks, at the price of as many as replace one GPU of the job.

    Parameters
    ----------
    cards_per_gpu : float, optional
        Cards that do the work of one GPU. Without it, the larger of the ratios of dense 16-bit
        FLOP/s and of memory bandwidth. [1]

    Raises
    ------
    ValueError
        If the market of the card has too few providers, or the ratio is not known.
    """
    documents = Documents.of_published(connection)
    ratio = cards_per_gpu or _cards_per_gpu(documents, gpu_id, burst_gpu_id)
    found = market_prices(connection, burst_gpu_id, reference_region)
    enough = [row for row in found if row["provider_count"] >= FEWEST_PROVIDERS]
    if not enough:
        most = max((row["provider_count"] for row in found), default=0)
        raise ValueError(
            f"burst_gpu = {burst_gpu_id!r}: no price of the market in {reference_region}: at most"
            f" {most} providers of one family, {FEWEST_PROVIDERS} are needed"
        )
    row = min(enough, key=lambda row: row["middle_usd_per_gpu_hour"])
    name = f"{ratio:.3g} x {burst_gpu_id} ({row['market_family']})"
    burst = market_burst(name, row, log_variance(documents, row["market_family"]))
    return replace(burst, usd_per_gpu_hour=burst.usd_per_gpu_hour * ratio)


def market_prices(
    connection: duckdb.DuckDBPyConnection, gpu_id: str, reference_region: str
) -> list[dict[str, Any]]:
    """Return the price of a GPU on demand in each market family of a part of the world."""
    return report_dicts(
        connection, "market_prices", gpu_id=gpu_id, reference_region=reference_region
    )


def market_burst(name: str, row: dict[str, Any], log_variance_per_month: float) -> Burst:
    """Return the price of a market, a row of ``market_prices``, for the part by the hour."""
    middle = row["middle_usd_per_gpu_hour"]
    half_width = log(row["ask_high_usd_per_gpu_hour"] / middle)
    return Burst(name, middle, log_variance_per_month, half_width)


def log_variance(documents: Documents, market_family: str) -> float:
    """Return the variance that a price of a family gains in a month [ln^2 / month]."""
    return scenario(documents, "market_noise", market_family).number("log_variance_per_month")


def _cards_per_gpu(documents: Documents, gpu_id: str, burst_gpu_id: str) -> float:
    """Return how many cards do the work of a GPU, by compute or by memory, whichever is more."""
    gpus = {gpu.gpu_id: gpu for gpu in read_gpus(documents)}
    found = []
    for which in (gpu_id, burst_gpu_id):
        gpu = gpus[which]
        peaks = gpu.dense_flops_per_second
        flops = peaks.get("bf16") or peaks.get("fp16")
        if flops is None or gpu.bandwidth_bytes_per_second is None:
            raise ValueError(f"{which}: FLOP/s or bandwidth not known; give --burst-cards-per-gpu")
        found.append((flops, gpu.bandwidth_bytes_per_second))
    (flops, bandwidth), (card_flops, card_bandwidth) = found
    return max(flops / card_flops, bandwidth / card_bandwidth)
