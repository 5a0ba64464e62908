"""``marts.training_then_and_now``: what a run cost to rent when it was trained, and now.

Both sides are the same contract: on demand against on demand, three years against three years. A
side of which no price of that contract was observed has none, and says why; no term is converted.
The price lists of the time are those of ``cost_engine.training``, today's are in
``marts.gpu_price_now``, which holds fresh prices only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from cost_engine.compute import equivalent_gpu_hours
from cost_engine.training.published.figures import OTHER
from cost_engine.training.published.prices import LONGEST_DAYS, PriceTables, RentalPrice
from cost_engine.training.published.rules import PREPARATION_DAYS, peak_flops_per_second
from cost_engine.training.uncertainty import hours_factor, priced_run
from pipelines.derive import training_method
from pipelines.derive.epoch import gpu_ids
from pipelines.derive.price_basis import DEFAULT_BASIS
from pipelines.derive.prices_now import PriceNow, PricesNow, prices_now
from pipelines.derive.training_runs import FEWEST_PROVIDERS, Basis, all_bases, confidence, lowered
from pipelines.derive.writing import write_table
from pipelines.sources.providers import market_tier, provider_id
from warehouse.reference.training_method import rental_replacements

CONTRACTS = {"on_demand": ("on_demand", None), "three_year": ("reserved", 36)}
"""Column of the price lists of the time to purchase model and commitment. [month]"""

NEAR_DAYS = 180
"""A price list further from the start makes the price then less sure. [d]"""

Row = dict[str, Any]

SCHEMA = pa.schema(
    [
        ("model", pa.string()),
        ("model_number", pa.int32()),
        ("published_on", pa.date32()),
        ("hardware", pa.string()),
        ("gpu_hours", pa.float64()),
        ("gpu_hours_method", pa.string()),
        ("purchase_model", pa.string()),
        ("commitment_months", pa.int32()),
        ("market_family", pa.string()),
        ("then_provider_id", pa.string()),
        ("then_hardware", pa.string()),
        ("then_day", pa.date32()),
        ("then_usd_per_gpu_hour", pa.float64()),
        ("then_usd", pa.float64()),
        ("then_reason", pa.string()),
        ("then_source_url", pa.string()),
        ("now_gpu_id", pa.string()),
        ("is_same_chip", pa.bool_()),
        ("now_gpu_hours", pa.float64()),
        ("reference_region", pa.string()),
        ("now_provider_count", pa.int32()),
        ("now_day", pa.date32()),
        ("now_usd_per_gpu_hour", pa.float64()),
        ("now_usd", pa.float64()),
        ("now_low_80", pa.float64()),
        ("now_high_80", pa.float64()),
        ("now_reason", pa.string()),
        ("change_fraction", pa.float64()),
        ("change_low_80", pa.float64()),
        ("change_high_80", pa.float64()),
        ("confidence", pa.string()),
    ]
)


@dataclass(frozen=True)
class Chip:
    """A chip that a run can be rented on."""

    gpu_id: str | None  # None: not in core.gpu
    peak_flops_per_second: float | None  # dense [FLOP / s]


def derive(connection: duckdb.DuckDBPyConnection, on: date) -> None:
    """Make the table at the prices of ``marts.gpu_price_now``, whose day is that of the build."""
    prices = prices_now(connection)
    rows = then_and_now_rows(all_bases(connection)["clean"], prices)
    write_table(connection, "marts.training_then_and_now", rows, SCHEMA)


def then_and_now_rows(part: Basis, prices: PricesNow) -> list[Row]:
    """Return one row per run on one kind of chip and contract.

    Fine-tunes and runs without known GPU-hours have none.
    """
    tables = training_method.price_tables("clean", part.documents)
    mean, deviation = hours_factor(part.uncertainty)
    rows: list[Row] = []
    for index, run in enumerate(part.runs):
        hours = float(part.estimates.numbers["gpu_hours"][index])
        start = part.estimates.starts[index]
        is_one_kind = bool(run.hardware) and "," not in run.hardware and not run.base_model
        if not is_one_kind or np.isnan(hours) or start is None:
            continue
        wanted = start - timedelta(days=PREPARATION_DAYS)
        chips = list(_chips(run.hardware, part, tables))
        for price_type, (purchase_model, months) in CONTRACTS.items():
            listed = tables.observed_rental(run, wanted, price_type)
            then = _then(listed, price_type, hours, wanted.date())
            family = then["market_family"]
            priced = {
                chip.gpu_id: prices[key]
                for chip in chips
                if (key := (family, chip.gpu_id or "", purchase_model, months)) in prices
            }
            now = _now(chips, priced, hours, (float(mean[index]), float(deviation[index])))
            rows.append(
                {
                    "model": run.model,
                    "model_number": index,
                    "published_on": run.published_on,
                    "hardware": run.hardware,
                    "gpu_hours": hours,
                    "gpu_hours_method": part.estimates.texts["gpu_hours_method"][index],
                    "purchase_model": purchase_model,
                    "commitment_months": months,
                    "reference_region": DEFAULT_BASIS.reference_region,
                    **then,
                    **now,
                    **_compared(then, now, wanted.date(), confidence(part, index)),
                }
            )
    return [{name: value for name, value in row.items() if name in SCHEMA.names} for row in rows]


def _chips(hardware: str, part: Basis, tables: PriceTables) -> Iterator[Chip]:
    """Yield the chip of a run, then what it is replaced by, and by what that is, as far as known.

    A chip without a peak can only be itself: hours on another one do not follow from its own.
    """
    ids = gpu_ids(part.documents)
    replacements = rental_replacements(part.documents)
    seen: set[str] = set()
    while hardware not in seen:
        seen.add(hardware)
        chip = tables.chips.get(hardware)
        peak = peak_flops_per_second(chip) if chip else None
        if hardware in ids and (peak or len(seen) == 1):
            yield Chip(ids[hardware], peak)
        elif len(seen) == 1:
            yield Chip(None, peak)
        if not peak:
            return
        hardware = replacements.get(hardware, replacements[OTHER])


def _then(listed: RentalPrice | None, price_type: str, hours: float, wanted: date) -> Row:
    """Return the side of the time: a listed price of that contract, or why there is none."""
    if listed is None:
        return {
            "market_family": DEFAULT_BASIS.market_family,
            "then_reason": f"no list price of this contract within {LONGEST_DAYS} days of {wanted}",
        }
    seller = provider_id(listed.vendor)
    usd = float(getattr(listed, price_type))
    tier = market_tier(seller)
    return {
        "market_family": "marketplace" if tier.startswith("marketplace") else tier,
        "then_provider_id": seller,
        "then_hardware": listed.hardware,
        "then_day": listed.priced_on,
        "then_usd_per_gpu_hour": usd,
        "then_usd": usd * hours,
        "then_source_url": listed.source or None,
    }


def _now(
    chips: Sequence[Chip],
    priced: Mapping[str | None, PriceNow],
    hours: float,
    hours_factor_logs: tuple[float, float],
) -> Row:
    """Return the side of today: the first of the chips that has a price, or why there is none."""
    own = chips[0]
    chip = next((chip for chip in chips if chip.gpu_id in priced), None)
    if chip is None:
        tried = ", ".join(chip.gpu_id or "the chip itself" for chip in chips)
        return {"now_reason": f"no fresh price of this contract in this family: {tried}"}
    price = priced[chip.gpu_id]
    if chip is not own:
        hours = float(
            equivalent_gpu_hours(hours, own.peak_flops_per_second, chip.peak_flops_per_second)
        )
    cost = priced_run(
        hours,
        price.middle_usd_per_gpu_hour,
        price.ask_low_usd_per_gpu_hour,
        price.ask_high_usd_per_gpu_hour,
        *hours_factor_logs,
    )
    return {
        "now_gpu_id": chip.gpu_id,
        "is_same_chip": chip is own,
        "now_gpu_hours": hours,
        "now_provider_count": price.provider_count,
        "now_day": price.seen_on,
        "now_usd_per_gpu_hour": price.middle_usd_per_gpu_hour,
        "now_usd": cost.usd,
        "now_low_80": cost.low_80,
        "now_high_80": cost.high_80,
        "typical": (price.typical_low_usd_per_gpu_hour, price.typical_high_usd_per_gpu_hour),
    }


def _compared(then: Row, now: Row, wanted: date, sure: str) -> Row:
    """Return the change from then to now, with the interval of today's middle, and how sure it is.

    Where both sides are the same hours, these cancel: only prices make the interval.
    """
    if "then_usd" not in then or "now_usd" not in now:
        return {}
    ratio = now["now_usd"] / then["then_usd"]
    low, high = (usd / now["now_usd_per_gpu_hour"] for usd in now["typical"])
    return {
        "change_fraction": ratio - 1,
        "change_low_80": ratio * low - 1,
        "change_high_80": ratio * high - 1,
        "confidence": lowered(
            sure,
            abs((then["then_day"] - wanted).days) > NEAR_DAYS,
            now["now_provider_count"] < FEWEST_PROVIDERS,
            not now["is_same_chip"],
        ),
    }
