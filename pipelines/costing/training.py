"""Training costs in the warehouse: six tables made from ``cost_engine`` and the day's prices.

Reads the history that the build has made and writes ``marts.training_*``, ``marts.own_vs_rent``
and ``marts.reservation_multiplier``. Which models, which corrections and which rules: in
``training_runs``; the sums: in ``cost_engine``.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from functools import cache
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from cost_engine import compute, energy, prices, trends
from cost_engine.published_method import (
    VINTAGES,
    Run,
    frontier_ranks,
    peak_flops_per_second,
)
from cost_engine.training_uncertainty import (
    FACTORS,
    Uncertainty,
    hours_factor,
    product_interval,
    variance_shares,
)
from cost_engine.uncertainty import NORMAL_95TH_PERCENTILE
from pipelines.costing import epoch, owning
from pipelines.costing.training_runs import (
    LEVELS,
    METHODS,
    REFERENCE,
    Basis,
    basis,
    confidence,
    developments,
    external_truth,
    grid_intensities,
    intervals,
    trend_points,
)

BASES = ("clean", "2025-06", "2024-12", "2024-05")
REFERENCE_GPU = "H100-SXM-80GB"
"""The chip on which every model is priced a second time at today's price."""
SELECTIONS = (3, 5, 10, 20)
"""Models among the first N of their time by compute."""
TARGET_USD = 1e9
JOB_MONTHS = (1, 2, 3, 6, 12, 18, 24, 36)
TERM_MONTHS = (1, 6, 12, 24, 36)
RESALE_FRACTIONS = (0.0, 0.5)
SENSITIVITY_TOP = 20
P10_TO_P90_DEVIATIONS = 2.5631031310892007
"""Width of the central 80 % of a normal. [standard deviations]"""

Rows = list[dict[str, Any]]


def derive(connection: duckdb.DuckDBPyConnection, on: date) -> None:
    """Make the training tables in the build file.

    Parameters
    ----------
    connection : DuckDBPyConnection
        The build file, open for writing. ``core.training_run`` and ``marts.gpu_price_daily`` are
        read where they exist.
    on : date
        The day whose prices count as today's.
    """
    costed = all_bases(connection)
    by_family = tracked_prices(connection, on)
    tracked = by_family["all"]
    tables = {
        "marts.training_cost": pa.Table.from_pylist(
            [
                *cost_rows(costed),
                *development_rows(costed),
                *tracked_rows(costed["clean"], tracked),
            ],
            schema=_COST_SCHEMA,
        ),
        "marts.training_cost_trend": _table(trend_rows(costed)),
        "marts.training_backtest": _table(backtest_rows(costed)),
        "marts.training_sensitivity": _table(sensitivity_rows(costed["clean"])),
        "marts.own_vs_rent": pa.Table.from_pylist(
            owning.comparison_rows(tracked, on), schema=owning.COMPARISON_SCHEMA
        ),
        "marts.reservation_multiplier": pa.Table.from_pylist(
            reservation_rows(by_family), schema=_RESERVATION_SCHEMA
        ),
    }
    connection.execute("create schema if not exists marts")
    for name, table in tables.items():
        connection.register("derived_rows", table)
        connection.execute(f"create or replace table {name} as select * from derived_rows")
        connection.unregister("derived_rows")


def _table(rows: Rows) -> pa.Table:
    return pa.Table.from_pylist(rows)


def all_bases(connection: duckdb.DuckDBPyConnection | None = None) -> dict[str, Basis]:
    """Return the models costed under every vintage, newer ones of the warehouse under ``clean``."""
    extra = tuple(newer_models(connection)) if connection is not None else ()
    return {name: basis(name, extra) if name == "clean" else basis(name) for name in BASES}


def _exists(connection: duckdb.DuckDBPyConnection, schema: str, table: str) -> bool:
    found = connection.execute(
        "select count(*) from information_schema.tables where table_schema = ? and table_name = ?",
        [schema, table],
    ).fetchall()
    return bool(found[0][0])


def newer_models(connection: duckdb.DuckDBPyConnection) -> list[epoch.ModelRow]:
    """Return the models of ``core.training_run`` that the bundled tables do not have."""
    if not _exists(connection, "core", "training_run"):
        return []
    known = {folded(row.run.model) for row in epoch.bundled_models("clean")}
    cursor = connection.execute("select * from core.training_run order by model")
    names = [column[0] for column in cursor.description]
    found = []
    for values in cursor.fetchall():
        row = dict(zip(names, values, strict=True))
        if folded(row["model"]) in known:
            continue
        run = Run(
            model=row["model"],
            published_on=row["published_on"],
            organization=row["organization"] or "",
            training_flops=row["training_flops"],
            hardware=row["hardware"] or "",
            hardware_quantity=row["hardware_quantity"],
            training_hours=row["training_hours"],
            utilisation_fraction=row["utilisation_fraction"],
            chip_hours=row["chip_hours"],
            base_model=row["base_model"] or "",
        )
        found.append(
            epoch.ModelRow(
                run=run,
                country=row["country"] or "",
                is_notable=bool(row["is_notable"]),
                parameters=row["parameters"],
                tokens=row["training_tokens"],
                flops_low=None,
                flops_high=None,
                confidence=row["confidence"],
                power_watts=None,
                link=row["link"] or "",
            )
        )
    return _ranked(found)


def folded(model: str) -> str:
    """Return a name without what Epoch AI spells now so, now otherwise; case tells models apart.

    Examples
    --------
    >>> folded("Grok 3") == folded("Grok-3"), folded("CALM") == folded("CaLM")
    (True, False)
    """
    return re.sub(r"[\s_-]", "", model)


def _ranked(newer: list[epoch.ModelRow]) -> list[epoch.ModelRow]:
    """Give newer models their compute rank by Epoch's rule; the older ones have theirs printed."""
    pool = [
        row
        for row in (*epoch.bundled_models("clean"), *newer)
        if row.is_notable and not row.run.base_model
    ]
    ranks = frontier_ranks(
        [row.run.published_on for row in pool], [row.run.training_flops for row in pool]
    )
    by_model = {row.run.model: rank for row, rank in zip(pool, ranks, strict=True)}
    return [replace(row, run=replace(row.run, rank=by_model.get(row.run.model))) for row in newer]


@cache
def gpu_ids() -> Mapping[str, str]:
    """Return Epoch's chip names and the accelerator each stands for."""
    with (REFERENCE / "gpu_aliases.csv").open(encoding="utf-8", newline="") as lines:
        return {
            row["gpu_name_printed"]: row["canonical"]
            for row in csv.DictReader(lines)
            if row["source_family"] == "epoch_hardware_prices"
        }


# ------------------------------------------------------------------------------- the cost table

_COST_SCHEMA = pa.schema(
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
_NOMINAL = {"amortized": "amortized_usd", "acquisition": "acquisition_usd", "rental": "cloud_usd"}


_COMPONENTS = (
    *("chip_usd", "server_usd", "interconnect_usd", "energy_usd", "energy_kwh"),
    "usd_per_chip_hour",
)


def _number(value: float | None) -> float | None:
    return None if value is None or np.isnan(value) else float(value)


def _is_told(row: epoch.ModelRow) -> bool:
    """Tell whether anything is known of a model that could give it a cost."""
    run = row.run
    return bool(run.training_flops or run.chip_hours or run.hardware)


def _country_code(country: str) -> str | None:
    first = country.split(",")[0].strip()
    return _COUNTRY_CODES.get(first)


_COUNTRY_CODES = {
    "United States of America": "US",
    "United States": "US",
    "China": "CN",
    "Canada": "CA",
    "France": "FR",
    "Germany": "DE",
    "Finland": "FI",
    "India": "IN",
    "Ireland": "IE",
    "Norway": "NO",
    "Australia": "AU",
    "Austria": "AT",
    "Belgium": "BE",
    "Brazil": "BR",
    "Denmark": "DK",
}


def cost_rows(costed: Mapping[str, Basis]) -> Rows:
    """Return one row per model, method and vintage; a model without a cost has the reason."""
    rows: Rows = []
    for name, part in costed.items():
        vintage = VINTAGES[name]
        numbers, texts = part.estimates.numbers, part.estimates.texts
        for method in METHODS:
            bounds = intervals(part, method)
            for index, (model, run) in enumerate(zip(part.models, part.runs, strict=True)):
                if not _is_told(model):
                    continue
                start = part.estimates.starts[index]
                nominal = _number(numbers[_NOMINAL[method]][index])
                components: dict[str, float | None] = dict.fromkeys(_COMPONENTS)
                if method == "amortized":
                    components = {name: _number(numbers[name][index]) for name in _COMPONENTS}
                kwh = components["energy_kwh"]
                grid = grid_intensities().get(_country_code(model.country) or "")
                rows.append(
                    {
                        "model": run.model,
                        "model_number": index,
                        "method": method,
                        "price_basis": name,
                        "day": start.date() if start else None,
                        "published_on": run.published_on,
                        "organization": run.organization or None,
                        "compute_rank": int(run.rank) if run.rank else None,
                        "training_flops": run.training_flops,
                        "hardware": run.hardware or None,
                        "gpu_id": gpu_ids().get(run.hardware),
                        "is_hardware_imputed": run.is_hardware_imputed,
                        "gpu_hours": _number(
                            numbers["cloud_chip_hours" if method == "rental" else "chip_hours"][
                                index
                            ]
                        ),
                        "gpu_hours_method": texts["chip_hours_method"][index],
                        "usd_per_gpu_hour": _number(numbers["cloud_usd_per_chip_hour"][index])
                        if method == "rental"
                        else components["usd_per_chip_hour"],
                        "usd_nominal": nominal,
                        "usd_real": _number(numbers[f"real_{_NOMINAL[method]}"][index]),
                        "real_month": vintage.real_month,
                        "chip_usd": components["chip_usd"],
                        "server_usd": components["server_usd"],
                        "interconnect_usd": components["interconnect_usd"],
                        "energy_usd": components["energy_usd"],
                        "energy_kwh": kwh,
                        "carbon_kg": energy.carbon_kg(kwh, grid) if kwh and grid else None,
                        **_bounds(bounds, index, nominal),
                        "confidence": confidence(part, index) if nominal is not None else None,
                        "reason": None
                        if nominal is not None
                        else _reason(method, run, texts["reason"][index]),
                        "price_source_url": texts[
                            "cloud_source" if method == "rental" else "acquisition_source"
                        ][index],
                        "source_url": model.link or None,
                    }
                )
    return rows


def _reason(method: str, run: Run, reason: str | None) -> str:
    if method == "acquisition" and not run.hardware_quantity:
        return "; ".join(filter(None, ("number of chips not known", reason)))
    return reason or "an input of this method is not known"


def _bounds(bounds: Mapping[float, Any], index: int, nominal: float | None) -> dict[str, Any]:
    if nominal is None:
        return {"low": None, "high": None, "low_80": None, "high_80": None}
    (low_80, high_80), (low, high) = bounds[LEVELS[0]], bounds[LEVELS[1]]
    return {
        "low": _number(low[index]),
        "high": _number(high[index]),
        "low_80": _number(low_80[index]),
        "high_80": _number(high_80[index]),
    }


def development_rows(costed: Mapping[str, Basis]) -> Rows:
    """Return the full development cost of the four projects that have one, in real money."""
    part = costed["2024-12"]
    places = {run.model: index for index, run in enumerate(part.runs)}
    rows: Rows = []
    for name, cost in developments(part, 2_000).items():
        index = places[name]
        run = part.runs[index]
        low, middle, high = cost.quantiles_usd()
        low_80, _, high_80 = cost.quantiles_usd(level=LEVELS[0])
        factor = float(part.estimates.numbers["inflation_factor"][index])
        start = part.estimates.starts[index]
        rows.append(
            {
                "model": name,
                "model_number": index,
                "method": "development",
                "price_basis": "2024-12",
                "day": start.date() if start else None,
                "published_on": run.published_on,
                "organization": run.organization,
                "compute_rank": int(run.rank) if run.rank else None,
                "training_flops": run.training_flops,
                "hardware": run.hardware,
                "gpu_id": gpu_ids().get(run.hardware),
                "is_hardware_imputed": False,
                "usd_nominal": middle / factor,
                "usd_real": middle,
                "real_month": part.estimates.vintage.real_month,
                **{
                    column: cost.quantiles_usd(column)[1] / factor
                    for column in (
                        "chip_usd",
                        "server_usd",
                        "interconnect_usd",
                        "energy_usd",
                        "staff_usd",
                    )
                },
                "low": low / factor,
                "high": high / factor,
                "low_80": low_80 / factor,
                "high_80": high_80 / factor,
                "confidence": "medium",
                "source_url": "https://arxiv.org/abs/2405.21015",
            }
        )
    return rows


# --------------------------------------------------------------------------- prices of the day


def tracked_prices(
    connection: duckdb.DuckDBPyConnection, on: date
) -> dict[str, dict[tuple[str, str, int | None], dict[str, Any]]]:
    """Return the tracked prices that stand on a day, by market family.

    Returns
    -------
    dict
        Family ("all" for the three together) to (gpu_id, purchase model, commitment months) to
        day, median, p10 and p90.
    """
    if not _exists(connection, "marts", "gpu_price_daily"):
        return {"all": {}}
    rows = connection.execute(
        """
        select market_family, gpu_id, purchase_model, commitment_months, day,
            median_usd_per_gpu_hour, p10_usd_per_gpu_hour, p90_usd_per_gpu_hour
        from marts.gpu_price_daily
        where day <= ?
        qualify row_number() over (
            partition by market_family, gpu_id, purchase_model, commitment_months
            order by day desc) = 1
        """,
        [on],
    ).fetchall()
    found: dict[str, dict[tuple[str, str, int | None], dict[str, Any]]] = {"all": {}}
    for family, gpu, model, months, day, middle, low, high in rows:
        price = {"day": day, "median": middle, "p10": low, "p90": high}
        found.setdefault(family, {})[gpu, model, months] = price
    return found


Tracked = Mapping[tuple[str, str, int | None], Mapping[str, Any]]


def tracked_rows(part: Basis, tracked: Tracked) -> Rows:
    """Return what each run would cost today: on its own chip, and its compute on an H100."""
    mean, deviation = hours_factor(part.uncertainty)
    reference = tracked.get((REFERENCE_GPU, "on_demand", None))
    reference_peak = peak_flops_per_second(
        epoch.bundled_tables("clean").chips["NVIDIA H100 SXM5 80GB"]
    )
    rows: Rows = []
    for index, (model, run) in enumerate(zip(part.models, part.runs, strict=True)):
        if not _is_told(model):
            continue
        gpu_id = gpu_ids().get(run.hardware)
        own = tracked.get((gpu_id or "", "on_demand", None))
        hours = _number(part.estimates.numbers["chip_hours"][index])
        shared = {
            "model": run.model,
            "model_number": index,
            "method": "rental",
            "published_on": run.published_on,
            "organization": run.organization or None,
            "compute_rank": int(run.rank) if run.rank else None,
            "training_flops": run.training_flops,
            "is_hardware_imputed": run.is_hardware_imputed,
            "source_url": model.link or None,
        }
        if run.hardware and "," not in run.hardware:
            rows.append(
                {
                    **shared,
                    "price_basis": "tracked_same_chip",
                    "hardware": run.hardware,
                    "gpu_id": gpu_id,
                    "gpu_hours": hours,
                    "gpu_hours_method": part.estimates.texts["chip_hours_method"][index],
                    **_priced(
                        own,
                        hours,
                        mean[index],
                        deviation[index],
                        f"no tracked price of {run.hardware}",
                    ),
                    "confidence": confidence(part, index) if own and hours else None,
                }
            )
        if run.training_flops and reference_peak:
            on_reference = compute.chip_hours(
                run.training_flops, reference_peak, compute.DEFAULT_UTILISATION_FRACTION
            )
            blind = _computed_factor()
            rows.append(
                {
                    **shared,
                    "price_basis": "tracked_h100",
                    "hardware": "NVIDIA H100 SXM5 80GB",
                    "gpu_id": REFERENCE_GPU,
                    "gpu_hours": on_reference,
                    "gpu_hours_method": "compute/(peak*mfu)",
                    **_priced(
                        reference, on_reference, *blind, f"no tracked price of {REFERENCE_GPU}"
                    ),
                    "confidence": "medium" if reference else None,
                }
            )
    return rows


@cache
def _computed_factor() -> tuple[float, float]:
    """Return log mean and deviation of hours computed from known compute and unknown MFU."""
    from cost_engine.training_uncertainty import SPREADS

    return SPREADS["utilisation"].log_mean, SPREADS["utilisation"].log_deviation


def _priced(
    price: Mapping[str, Any] | None,
    hours: float | None,
    log_mean: float,
    log_deviation: float,
    reason: str,
) -> dict[str, Any]:
    if price is None:
        return {"reason": reason}
    if not hours:
        return {"reason": "chip-hours not known", "day": price["day"]}
    usd = price["median"] * hours
    spread = np.log(price["p90"] / price["p10"]) / P10_TO_P90_DEVIATIONS
    total = float(np.hypot(log_deviation, spread))
    low, high = product_interval(usd, float(log_mean), total, LEVELS[1])
    low_80, high_80 = product_interval(usd, float(log_mean), total, LEVELS[0])
    return {
        "day": price["day"],
        "usd_per_gpu_hour": price["median"],
        "usd_nominal": usd,
        "low": low,
        "high": high,
        "low_80": low_80,
        "high_80": high_80,
        "reason": None,
    }


# ------------------------------------------------------------------ growth, truth, sensitivity


def trend_rows(costed: Mapping[str, Basis]) -> Rows:
    """Return the growth of cost by vintage, selection, method and confidence level."""
    rows: Rows = []
    for name, part in costed.items():
        for top in SELECTIONS:
            for method in METHODS:
                for is_imputed_counted in (
                    (True, False) if part.estimates.vintage.is_hardware_imputed else (False,)
                ):
                    years, costs = trend_points(
                        part, method, top, is_imputed_counted=is_imputed_counted
                    )
                    if len(years) < 3:
                        continue
                    rows.extend(
                        _trend_levels(name, top, method, is_imputed_counted, years, costs, part)
                    )
    return rows


def _trend_levels(
    name: str,
    top: int,
    method: str,
    is_imputed_counted: bool,
    years: Any,
    costs: Any,
    part: Basis,
) -> Rows:
    fitted = trends.fitted_trend(years, costs)
    kink = trends.fitted_breakpoint(years, costs) if len(years) >= 10 else None
    grows = fitted.slope > 0

    def reached(anchor: trends.Anchor, growth: float | None = None) -> date | None:
        if not grows or (growth is not None and growth <= 1):
            return None
        year = fitted.year_reached(TARGET_USD, anchor, growth)
        return trends.date_of_decimal_year(year) if 1 < year < 9999 else None

    rows: Rows = []
    for level in (0.9, 0.95):
        low, high = fitted.growth_interval(level)
        predicted = fitted.prediction_interval(2027.0, level)
        rows.append(
            {
                "selection": f"top {top}",
                "method": method,
                "price_basis": name,
                "is_imputed_hardware_counted": is_imputed_counted,
                "growth_per_year": fitted.growth_per_year,
                "ci_low": low,
                "ci_high": high,
                "ci_level": level,
                "model_count": fitted.count,
                "r_squared": fitted.r_squared,
                "slope_orders_per_year": fitted.slope,
                "residual_deviation_orders": fitted.residual_deviation,
                "usd_1e9_reached_mean_on": reached("mean"),
                "usd_1e9_reached_anchored_on": reached("max"),
                "usd_1e9_reached_anchored_earliest_on": reached("max", high),
                "usd_1e9_reached_anchored_latest_on": reached("max", low),
                "usd_2027_mean": fitted.cost_usd(2027.0),
                "usd_2027_predicted_low": predicted[0],
                "usd_2027_predicted_high": predicted[1],
                "breakpoint_year": kink.year if kink else None,
                "growth_before_breakpoint": kink.growth_before if kink else None,
                "growth_after_breakpoint": kink.growth_after if kink else None,
                "is_breakpoint_supported": kink.is_supported if kink else None,
                "real_month": part.estimates.vintage.real_month,
            }
        )
    return rows


def backtest_rows(costed: Mapping[str, Basis]) -> Rows:
    """Return published hours, energy and dollars beside ours."""
    return [
        {
            "case_id": row.case_id,
            "model": row.model,
            "quantity": row.quantity,
            "predicted": row.predicted,
            "reported": row.reported,
            "reported_high": row.reported_high,
            "unit": row.unit,
            "ratio": row.ratio,
            "tolerance_ratio": row.tolerance_ratio,
            "is_within_tolerance": row.is_within,
            "low": row.low,
            "high": row.high,
            "is_covered": row.is_covered,
            "price_basis": row.basis,
            "source": row.source,
            "source_url": row.source_url,
            "note": row.note or None,
        }
        for row in external_truth(costed)
    ]


def sensitivity_rows(part: Basis) -> Rows:
    """Return which input the cost of each leading model hangs on."""
    numbers = part.estimates.numbers
    chosen = np.array([bool(run.rank and run.rank <= SENSITIVITY_TOP) for run in part.runs])
    chosen &= ~np.isnan(numbers["amortized_usd"])
    places = np.flatnonzero(chosen)
    shares = variance_shares(
        (numbers["amortized_usd"] - numbers["energy_usd"])[places],
        numbers["energy_usd"][places],
        numbers["age_years"][places],
        Uncertainty(part.uncertainty.log_means[places], part.uncertainty.log_deviations[places]),
    )
    rows: Rows = []
    for place, share in zip(places.tolist(), shares, strict=True):
        for column, factor in enumerate(FACTORS):
            deviation = float(part.uncertainty.log_deviations[place, column])
            if deviation == 0:
                continue
            rows.append(
                {
                    "model": part.runs[place].model,
                    "published_on": part.runs[place].published_on,
                    "factor": factor,
                    "variance_share_fraction": float(share[column]),
                    "relative_high": float(np.exp(NORMAL_95TH_PERCENTILE * deviation))
                    if factor != "trend"
                    else None,
                    "usd_nominal": float(numbers["amortized_usd"][place]),
                }
            )
    return rows


# ------------------------------------------------------------------------------- reservations

_RESERVATION_SCHEMA = pa.schema(
    [
        ("gpu_id", pa.string()),
        ("market_family", pa.string()),
        ("term_months", pa.int32()),
        ("job_months", pa.int32()),
        ("resale_fraction", pa.float64()),
        ("multiplier", pa.float64()),
        ("day", pa.date32()),
        ("on_demand_usd_per_gpu_hour", pa.float64()),
        ("reserved_usd_per_gpu_hour", pa.float64()),
        ("effective_usd_per_gpu_hour", pa.float64()),
        ("break_even_months", pa.float64()),
        ("is_reserved_cheaper", pa.bool_()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("reason", pa.string()),
    ]
)


def reservation_rows(by_family: Mapping[str, Tracked]) -> Rows:
    """Return the effective price of a reservation by term, job and resale.

    Reserved and on-demand prices are compared within one market family: reservations are mostly a
    hyperscaler's, and its on-demand price is not a marketplace's. Rows without ``gpu_id`` have the
    multiplier alone, which needs no price.
    """
    rows = [
        _reservation(None, None, term, job, resale, None, None)
        for term in TERM_MONTHS
        for job in JOB_MONTHS
        for resale in RESALE_FRACTIONS
    ]
    for family, tracked in sorted(by_family.items()):
        if family == "all":
            continue
        reserved = [
            (gpu, months) for gpu, model, months in tracked if model == "reserved" and months
        ]
        for gpu, term in sorted((gpu, months) for gpu, months in reserved if months is not None):
            price = tracked[gpu, "reserved", term]
            on_demand = tracked.get((gpu, "on_demand", None))
            rows.extend(
                _reservation(family, gpu, term, job, resale, price, on_demand)
                for job in JOB_MONTHS
                for resale in RESALE_FRACTIONS
            )
    return rows


def _reservation(
    family: str | None,
    gpu: str | None,
    term: int,
    job: int,
    resale: float,
    reserved: Mapping[str, Any] | None,
    on_demand: Mapping[str, Any] | None,
) -> dict[str, Any]:
    multiplier = prices.reservation_multiplier(term, job, resale)
    row: dict[str, Any] = {
        "gpu_id": gpu,
        "market_family": family,
        "term_months": term,
        "job_months": job,
        "resale_fraction": resale,
        "multiplier": multiplier,
    }
    if reserved is None:
        return row
    effective = multiplier * reserved["median"]
    row |= {
        "day": reserved["day"],
        "reserved_usd_per_gpu_hour": reserved["median"],
        "effective_usd_per_gpu_hour": effective,
        "low": multiplier * reserved["p10"],
        "high": multiplier * reserved["p90"],
    }
    if on_demand is None:
        return row | {"reason": "no on-demand price in this market to compare with"}
    months = prices.break_even_months(term, reserved["median"], on_demand["median"], resale)
    return row | {
        "on_demand_usd_per_gpu_hour": on_demand["median"],
        "break_even_months": months if np.isfinite(months) else None,
        "is_reserved_cheaper": bool(effective < on_demand["median"]),
    }
