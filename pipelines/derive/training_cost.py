"""``marts.training_cost``: every known training run by method, vintage of the rules and price.

Here belongs the laying out of rows: published methods, full development costs, and what each run
would cost at tracked prices. Models and vintages are in ``training_runs``, the sums in
``cost_engine.training``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cost_engine import compute, energy
from cost_engine.training.development import DevelopmentCost
from cost_engine.training.published.prices import PRICE_TYPES
from cost_engine.training.published.rules import Run, peak_flops_per_second
from cost_engine.training.uncertainty import COST_COLUMNS, LEVELS, hours_factor, priced_run
from pipelines.derive import training_method
from pipelines.derive.epoch import gpu_ids
from pipelines.derive.price_basis import DEFAULT_BASIS
from pipelines.derive.prices_now import PriceNow, PricesNow, prices_now
from pipelines.derive.training_runs import (
    FEWEST_PROVIDERS,
    METHODS,
    Basis,
    Interval,
    all_bases,
    confidence,
    developments,
    intervals,
    lowered,
)
from pipelines.derive.writing import write_table
from warehouse.reference.environment import grid_intensities
from warehouse.reference.training_method import country_codes

REFERENCE_GPU = "H100-SXM-80GB"
"""The GPU on which every model is priced a second time at tracked prices."""
REFERENCE_CHIP = "NVIDIA H100 SXM5 80GB"
"""Its name in Epoch AI's chip table."""
DEVELOPMENT_BASIS = "2024-12"
"""The vintage whose four projects have a full development cost."""
DEVELOPMENT_DRAWS = 2_000
STUDY_URL = "https://arxiv.org/abs/2405.21015"

Row = dict[str, Any]

_SCHEMA = pa.schema(
    [
        ("model", pa.string()),
        ("model_number", pa.int32()),
        ("method", pa.string()),
        ("price_basis", pa.string()),
        ("day", pa.date32()),
        ("published_on", pa.date32()),
        ("organization", pa.string()),
        ("compute_rank", pa.int32()),
        ("training_flops", pa.float64()),
        ("hardware", pa.string()),
        ("gpu_id", pa.string()),
        ("is_hardware_imputed", pa.bool_()),
        ("gpu_hours", pa.float64()),
        ("gpu_hours_method", pa.string()),
        ("usd_per_gpu_hour", pa.float64()),
        ("purchase_model", pa.string()),
        ("commitment_months", pa.int32()),
        ("is_term_converted", pa.bool_()),
        ("market_family", pa.string()),
        ("provider_count", pa.int32()),
        ("usd_nominal", pa.float64()),
        ("usd_real", pa.float64()),
        ("real_month", pa.string()),
        ("chip_usd", pa.float64()),
        ("server_usd", pa.float64()),
        ("interconnect_usd", pa.float64()),
        ("energy_usd", pa.float64()),
        ("staff_usd", pa.float64()),
        ("energy_kwh", pa.float64()),
        ("carbon_kg", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("low_80", pa.float64()),
        ("high_80", pa.float64()),
        ("confidence", pa.string()),
        ("reason", pa.string()),
        ("price_source_url", pa.string()),
        ("source_url", pa.string()),
    ]
)

THREE_YEARS = dict(PRICE_TYPES)["three_year"]
_COMPONENTS = ("chip_usd", "server_usd", "interconnect_usd", "energy_usd", "energy_kwh")


def derive(connection: duckdb.DuckDBPyConnection, on: date) -> None:
    """Make the table at the prices of ``marts.gpu_price_now``, whose day is that of the build."""
    costed = all_bases(connection)
    rows = [
        *cost_rows(costed),
        *development_rows(costed[DEVELOPMENT_BASIS]),
        *tracked_rows(costed["clean"], prices_now(connection)),
    ]
    write_table(connection, "marts.training_cost", rows, _SCHEMA)


def _number(value: float | None) -> float | None:
    return None if value is None or np.isnan(value) else float(value)


def _day(start: datetime | None) -> date | None:
    return start.date() if start else None


def _has_inputs(run: Run) -> bool:
    """Return whether anything is recorded of a run from which its cost could follow."""
    return bool(run.training_flops or run.gpu_hours or run.hardware)


def _subject(part: Basis, index: int) -> Row:
    """Return the columns that say which run a row is about."""
    run = part.runs[index]
    return {
        "model": run.model,
        "model_number": index,
        "published_on": run.published_on,
        "organization": run.organization or None,
        "compute_rank": int(run.rank) if run.rank else None,
        "training_flops": run.training_flops,
        "is_hardware_imputed": run.is_hardware_imputed,
        "source_url": part.models[index].link or None,
    }


# ---------------------------------------------------------------------------- published methods


def cost_rows(costed: Mapping[str, Basis]) -> list[Row]:
    """Return one row per model, method and vintage; a model without a cost has the reason."""
    return [
        row for part in costed.values() for method in METHODS for row in _method_rows(part, method)
    ]


def _method_rows(part: Basis, method: str) -> list[Row]:
    bounds = intervals(part, method)
    ids = gpu_ids(part.documents)
    codes = country_codes(part.documents)
    grid = grid_intensities(part.documents)
    rows = []
    for index, (model, run) in enumerate(zip(part.models, part.runs, strict=True)):
        if not _has_inputs(model.run):
            continue
        country = codes.get(model.country.split(",")[0].strip(), "")
        rows.append(
            {
                **_subject(part, index),
                "method": method,
                "price_basis": part.name,
                "day": _day(part.estimates.starts[index]),
                "hardware": run.hardware or None,
                "gpu_id": ids.get(run.hardware),
                "real_month": part.estimates.vintage.real_month,
                **_costs(part, method, index, bounds, grid.get(country)),
            }
        )
    return rows


def _costs(
    part: Basis,
    method: str,
    index: int,
    bounds: Mapping[float, Interval],
    grams_co2e_per_kwh: float | None,
) -> Row:
    numbers, texts = part.estimates.numbers, part.estimates.texts
    is_rental, is_amortized = method == "rental", method == "amortized"

    def number(column: str) -> float | None:
        return _number(numbers[column][index])

    nominal = number(COST_COLUMNS[method])
    price = None
    if is_rental:
        price = number("cloud_usd_per_gpu_hour")
    elif is_amortized:
        price = number("usd_per_gpu_hour")
    row: Row = {
        "gpu_hours": number("cloud_gpu_hours" if is_rental else "gpu_hours"),
        "gpu_hours_method": texts["gpu_hours_method"][index],
        "usd_per_gpu_hour": price,
        "usd_nominal": nominal,
        "usd_real": number(f"real_{COST_COLUMNS[method]}"),
        "price_source_url": texts["cloud_source" if is_rental else "acquisition_source"][index],
    }
    if price and is_rental:
        printed = texts["cloud_vendor_and_type"][index] or ""
        row |= {
            "purchase_model": "reserved",
            "commitment_months": 36,
            "is_term_converted": not printed.endswith(THREE_YEARS),
        }
    if is_amortized:
        row |= {name: number(name) for name in _COMPONENTS}
        kwh = row["energy_kwh"]
        row["carbon_kg"] = (
            energy.carbon_kg(kwh, grams_co2e_per_kwh) if kwh and grams_co2e_per_kwh else None
        )
    if nominal is None:
        return row | {"reason": _reason(method, part.runs[index], texts["reason"][index])}
    (low_80, high_80), (low, high) = (bounds[level] for level in LEVELS)
    return row | {
        "low": _number(low[index]),
        "high": _number(high[index]),
        "low_80": _number(low_80[index]),
        "high_80": _number(high_80[index]),
        "confidence": confidence(part, index),
    }


def _reason(method: str, run: Run, reason: str | None) -> str:
    if method == "acquisition" and not run.hardware_quantity:
        return "; ".join(filter(None, ("number of chips not known", reason)))
    return reason or "an input of this method is not known"


# ------------------------------------------------------------------------------ development cost


def development_rows(part: Basis) -> list[Row]:
    """Return the full development cost of the four projects that have one."""
    ids = gpu_ids(part.documents)
    places = {run.model: index for index, run in enumerate(part.runs)}
    rows = []
    for name, cost in developments(part, DEVELOPMENT_DRAWS).items():
        index = places[name]
        run = part.runs[index]
        rows.append(
            {
                **_subject(part, index),
                "method": "development",
                "price_basis": part.name,
                "day": _day(part.estimates.starts[index]),
                "hardware": run.hardware,
                "gpu_id": ids.get(run.hardware),
                "real_month": part.estimates.vintage.real_month,
                **_development_costs(cost, part.estimates.numbers, index),
                "confidence": "medium",
                "source_url": STUDY_URL,
            }
        )
    return rows


def _development_costs(
    cost: DevelopmentCost, numbers: Mapping[str, NDArray[np.float64]], index: int
) -> Row:
    nominal = cost.in_other_money(float(numbers["inflation_factor"][index]))
    low, middle, high = nominal.quantiles_usd()
    low_80, _, high_80 = nominal.quantiles_usd(level=LEVELS[0])
    return {
        "usd_nominal": middle,
        "usd_real": cost.quantiles_usd()[1],
        **{name: nominal.quantiles_usd(name)[1] for name in cost.components},
        "low": low,
        "high": high,
        "low_80": low_80,
        "high_80": high_80,
    }


# -------------------------------------------------------------------------------- tracked prices


def tracked_rows(part: Basis, prices: PricesNow) -> list[Row]:
    """Return what each run would cost today, on demand, on its own chip and on an H100.

    Fresh prices of one market family and region count; a chip without one has the reason.
    """
    documents = part.documents
    ids = gpu_ids(documents)
    mean, deviation = hours_factor(part.uncertainty)
    utilisation = training_method.figures(documents).default_utilisation_fraction
    spread = training_method.spreads(documents)["utilisation"]
    reference = prices.get((DEFAULT_BASIS.market_family, REFERENCE_GPU, "on_demand", None))
    reference_peak = peak_flops_per_second(
        training_method.price_tables("clean", documents).chips[REFERENCE_CHIP]
    )
    rows: list[Row] = []
    for index, (model, run) in enumerate(zip(part.models, part.runs, strict=True)):
        if not _has_inputs(model.run):
            continue
        subject = {**_subject(part, index), "method": "rental"}
        if run.hardware and "," not in run.hardware:
            gpu_id = ids.get(run.hardware)
            hours = _number(part.estimates.numbers["gpu_hours"][index])
            rows.append(
                {
                    **subject,
                    "price_basis": "tracked_same_chip",
                    "hardware": run.hardware,
                    "gpu_id": gpu_id,
                    "gpu_hours": hours,
                    "gpu_hours_method": part.estimates.texts["gpu_hours_method"][index],
                    **_priced(
                        prices.get((DEFAULT_BASIS.market_family, gpu_id or "", "on_demand", None)),
                        hours,
                        (float(mean[index]), float(deviation[index])),
                        confidence(part, index),
                        run.hardware,
                    ),
                }
            )
        if run.training_flops and reference_peak:
            hours = float(compute.gpu_hours(run.training_flops, reference_peak, utilisation))
            rows.append(
                {
                    **subject,
                    "price_basis": "tracked_h100",
                    "hardware": REFERENCE_CHIP,
                    "gpu_id": REFERENCE_GPU,
                    "gpu_hours": hours,
                    "gpu_hours_method": "compute/(peak*mfu)",
                    **_priced(
                        reference,
                        hours,
                        (spread.log_mean, spread.log_deviation),
                        "medium",
                        REFERENCE_GPU,
                    ),
                }
            )
    return rows


def _priced(
    price: PriceNow | None,
    gpu_hours: float | None,
    hours_factor_logs: tuple[float, float],
    sure: str,
    chip: str,
) -> Row:
    """Return the cost of hours at today's price, or why there is none."""
    if price is None:
        return {"reason": f"no fresh price of {chip}, {DEFAULT_BASIS}"}
    basis = {
        "day": price.seen_on,
        "usd_per_gpu_hour": price.middle_usd_per_gpu_hour,
        "purchase_model": price.purchase_model,
        "commitment_months": price.commitment_months,
        "is_term_converted": False,
        "market_family": price.market_family,
        "provider_count": price.provider_count,
    }
    if not gpu_hours:
        return {"reason": "chip-hours not known", **basis}
    cost = priced_run(
        gpu_hours,
        price.middle_usd_per_gpu_hour,
        price.ask_low_usd_per_gpu_hour,
        price.ask_high_usd_per_gpu_hour,
        *hours_factor_logs,
    )
    return {
        **basis,
        "usd_nominal": cost.usd,
        "low": cost.low,
        "high": cost.high,
        "low_80": cost.low_80,
        "high_80": cost.high_80,
        "confidence": lowered(sure, price.provider_count < FEWEST_PROVIDERS),
    }
