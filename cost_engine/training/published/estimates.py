"""Costs many training runs by the three published methods: amortized, acquisition, rental.

Here belongs the binding of the rules and prices of Cottier et al. (arXiv:2405.21015) to the sums
of ``training.run`` and ``energy``. Rows come in as records and go out as arrays; there is no
table, no file and no clock.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from cost_engine import energy
from cost_engine.training import run as training
from cost_engine.training.published.prices import PriceTables
from cost_engine.training.published.rules import (
    CLEAN,
    PREPARATION_DAYS,
    SERVER_CHIPS,
    Run,
    Vintage,
    gpu_hours_of,
    peak_flops_per_second,
    training_start,
)
from cost_engine.units import DAYS_PER_YEAR


@dataclass(frozen=True)
class Estimates:
    """Result columns of many runs, all of one length; numbers as arrays with NaN for no value."""

    runs: Sequence[Run]
    vintage: Vintage
    numbers: Mapping[str, NDArray[np.float64]]
    texts: Mapping[str, Sequence[str | None]]
    starts: Sequence[datetime | None]

    def __len__(self) -> int:
        """Return the number of runs."""
        return len(self.runs)


_NUMBERS = (
    *("gpu_hours", "peak_flops_per_second", "utilisation_fraction_used"),
    *("acquisition_raw_usd", "server_overhead_applied", "chip_price_usd", "age_years"),
    *("server_overhead", "server_power_ratio", "average_power_fraction", "pue"),
    *("board_power_watts", "usd_per_kwh", "cloud_usd_per_gpu_hour", "cloud_gpu_hours"),
    *("inflation_factor", "interconnect_fraction", "peak_kilowatts_per_chip"),
)
_TEXTS = (
    *("gpu_hours_method", "acquisition_hardware", "acquisition_price_date", "acquisition_note"),
    *("acquisition_source", "acquired_on", "cloud_vendor_and_type", "cloud_price_date"),
    *("cloud_source", "cloud_same_day_usd", "reason"),
)


def _electricity_year(run: Run, start: datetime, vintage: Vintage) -> int:
    if vintage.is_clean:
        return start.year
    return run.published_on.year if run.published_on else start.year


class _Lookups:
    """What was found for each run: one column a quantity, one place a run."""

    def __init__(self, count: int) -> None:
        self.lists: dict[str, list[float]] = {name: [math.nan] * count for name in _NUMBERS}
        self.texts: dict[str, list[str | None]] = {name: [None] * count for name in _TEXTS}
        self.starts: list[datetime | None] = [None] * count

    def put(self, index: int, **numbers: float | None) -> None:
        for name, value in numbers.items():
            if value is not None:
                self.lists[name][index] = value

    def write(self, index: int, **texts: str | None) -> None:
        for name, value in texts.items():
            self.texts[name][index] = value


def estimates(runs: Sequence[Run], tables: PriceTables, vintage: Vintage = CLEAN) -> Estimates:
    """Cost every run by all three methods under the rules of ``vintage``.

    Parameters
    ----------
    runs : sequence of Run
        Hardware already imputed where that is wanted, see ``selection.with_imputed_hardware``.
    tables : PriceTables
        Prices, chips, deflator, electricity and the figures of the method.
    vintage : Vintage
        Which form of the rules applies.

    Returns
    -------
    Estimates
        Beside the looked-up inputs: ``chip_usd``, ``server_usd``, ``interconnect_usd``,
        ``energy_usd``, ``energy_kwh``, ``amortized_usd`` (method a), ``acquisition_usd`` (b),
        ``cloud_usd`` (c), nominal, and ``real_..._usd`` in money of the vintage's month. A run
        without a value has NaN and, in ``texts["reason"]``, why.
    """
    found = _Lookups(len(runs))
    for index, run in enumerate(runs):
        reasons = _look_up(index, run, found, tables, vintage)
        found.write(index, reason="; ".join(reasons) or None)
    numbers = {name: np.array(values, dtype=float) for name, values in found.lists.items()}
    numbers["value_usd_at_start"] = numbers["age_years"].copy()
    has_price = ~np.isnan(numbers["chip_price_usd"])
    numbers["value_usd_at_start"][has_price] = training.depreciated_usd(
        numbers["chip_price_usd"][has_price], numbers["age_years"][has_price]
    )
    has_hours = ~np.isnan(numbers["gpu_hours"])
    is_costed = has_hours & ~np.isnan(numbers["value_usd_at_start"])
    is_costed &= ~np.isnan(numbers["board_power_watts"]) & ~np.isnan(numbers["usd_per_kwh"])
    for name in training.TrainingCost._fields:
        numbers["amortized_usd" if name == "total_usd" else name] = np.full(len(runs), np.nan)
    if is_costed.any():
        names = (
            *("value_usd_at_start", "gpu_hours", "server_overhead", "board_power_watts"),
            *("server_power_ratio", "average_power_fraction", "pue", "usd_per_kwh"),
            "interconnect_fraction",
        )
        cost = training.run_cost(**{name: numbers[name][is_costed] for name in names})
        for name, values in cost._asdict().items():
            numbers["amortized_usd" if name == "total_usd" else name][is_costed] = values
    quantity = np.array([run.hardware_quantity or np.nan for run in runs], dtype=float)
    numbers["acquisition_usd"] = (
        quantity * numbers["chip_price_usd"] / (1 - numbers["interconnect_fraction"])
    )
    numbers["power_capacity_kilowatts"] = quantity * numbers["peak_kilowatts_per_chip"]
    numbers["cloud_usd"] = numbers["cloud_usd_per_gpu_hour"] * numbers["cloud_gpu_hours"]
    numbers["usd_per_gpu_hour"] = numbers["amortized_usd"] / numbers["gpu_hours"]
    if vintage.is_base_model_added:
        _add_base_models(runs, numbers)
    for name in ("amortized_usd", "acquisition_usd", "cloud_usd"):
        numbers[f"real_{name}"] = numbers[name] * numbers["inflation_factor"]
    return Estimates(runs, vintage, numbers, found.texts, found.starts)


def _look_up(
    index: int, run: Run, found: _Lookups, tables: PriceTables, vintage: Vintage
) -> list[str]:
    reasons: list[str] = []
    figures = tables.figures
    start = training_start(run, vintage)
    if run.published_on is None or start is None:
        return ["no publication date"]
    found.starts[index] = start
    deflated_on = start.date() if vintage.is_clean else run.published_on
    factor = tables.inflation_factor(deflated_on, vintage.real_month)
    if factor is None and not vintage.is_clean:
        factor = 1.0  # the published program leaves an amount without an index as it is
    if factor is None:
        reasons.append(f"no price index for {deflated_on:%Y-%m}")
    found.put(index, inflation_factor=factor)
    is_mixed = "," in run.hardware
    chip = None if is_mixed else tables.chips.get(run.hardware)
    hours, method = gpu_hours_of(run, chip, figures.default_utilisation_fraction)
    found.put(index, gpu_hours=hours)
    found.write(index, gpu_hours_method=method)
    if method == "compute/(peak*mfu)" and chip:
        found.put(
            index,
            peak_flops_per_second=peak_flops_per_second(chip),
            utilisation_fraction_used=run.utilisation_fraction
            or figures.default_utilisation_fraction,
        )
    if method == "none":
        reasons.append("no chip-hours: needs them, or quantity and time, or compute and peak")
    if is_mixed:
        return [*reasons, f"several kinds of hardware: {run.hardware}"]
    if run.base_model and not vintage.is_base_model_added:
        return [*reasons, f"fine-tune of {run.base_model}"]
    if not run.hardware:
        return [*reasons, "hardware not known"]
    if chip is None:
        return [*reasons, f"chip {run.hardware!r} not in the chip table"]
    _look_up_cloud(index, run, start, hours, found, tables, vintage)
    if math.isnan(found.lists["cloud_usd_per_gpu_hour"][index]):
        reasons.append(f"no rental price of {run.hardware}")
    acquisition = tables.acquisition(run.hardware, vintage)
    if acquisition is None:
        return [*reasons, f"no purchase price of {run.hardware}"]
    row = acquisition.price
    age = (start - datetime.combine(acquisition.acquired_on, datetime.min.time())).days
    if not chip.is_tpu:
        age = max(age, 0)
    found.put(
        index,
        acquisition_raw_usd=acquisition.raw_usd,
        server_overhead_applied=acquisition.overhead_applied,
        chip_price_usd=acquisition.usd,
        age_years=age / DAYS_PER_YEAR,
        server_overhead=figures.server_overhead(run.hardware),
        interconnect_fraction=_interconnect_fraction(run, vintage),
    )
    found.write(
        index,
        acquired_on=acquisition.acquired_on.isoformat(),
        acquisition_hardware=row.hardware if row else None,
        acquisition_price_date=row.priced_on.isoformat() if row and row.priced_on else None,
        acquisition_note=row.notes if row else None,
        acquisition_source=row.source if row else None,
    )
    watts = chip.board_power_watts
    if watts is None and "TPU v4" in chip.name:
        watts = figures.tpu_v4_board_power_watts
    year = _electricity_year(run, start, vintage)
    usd_per_kwh = tables.usd_per_kwh_by_year.get(year)
    if usd_per_kwh is None:
        reasons.append(f"no electricity price for {year}")
    if watts is None:
        reasons.append(f"no board power of {run.hardware}")
    else:
        found.put(
            index,
            peak_kilowatts_per_chip=energy.server_kilowatts_per_chip(
                watts, figures.server_power_ratio(run.hardware), figures.site_pue(run.organization)
            ),
        )
    if method != "none":
        found.put(
            index,
            server_power_ratio=figures.server_power_ratio(run.hardware),
            average_power_fraction=figures.average_power_fraction(run.hardware),
            pue=figures.site_pue(run.organization),
            board_power_watts=watts,
            usd_per_kwh=usd_per_kwh,
        )
    return reasons


def _interconnect_fraction(run: Run, vintage: Vintage) -> float:
    is_one_server = run.hardware_quantity is not None and run.hardware_quantity <= SERVER_CHIPS
    return 0.0 if vintage.is_clean and is_one_server else training.INTERCONNECT_FRACTION


def _look_up_cloud(
    index: int,
    run: Run,
    start: datetime,
    hours: float,
    found: _Lookups,
    tables: PriceTables,
    vintage: Vintage,
) -> None:
    price = tables.cloud_price(run, start - timedelta(days=PREPARATION_DAYS), vintage)
    if price is None:
        return
    cloud_hours: float | None = hours
    if vintage.cloud_hours == "quantity_times_time":
        has_both = run.hardware_quantity and run.training_hours
        cloud_hours = (run.hardware_quantity or 0) * (run.training_hours or 0) if has_both else None
    found.put(index, cloud_usd_per_gpu_hour=price.usd_per_hour, cloud_gpu_hours=cloud_hours)
    found.write(
        index,
        cloud_vendor_and_type=f"{price.vendor}, {price.price_type}",
        cloud_price_date=price.priced_on.isoformat(),
        cloud_source=price.source,
        cloud_same_day_usd="|".join(
            "NaN" if usd is None else str(float(usd)) for usd in price.same_day_usd
        ),
    )


def _add_base_models(runs: Sequence[Run], numbers: dict[str, NDArray[np.float64]]) -> None:
    """Add to each fine-tune the cost of the model that it starts from, all the way down."""
    rows = {run.model: index for index, run in enumerate(runs)}
    names = (
        *("chip_usd", "server_usd", "interconnect_usd", "energy_usd", "amortized_usd"),
        *("acquisition_usd", "cloud_usd"),
    )
    own = {name: numbers[name].copy() for name in names}
    for index, run in enumerate(runs):
        base, seen = run.base_model, {run.model}
        while base and base not in seen:
            row = rows.get(base)
            seen.add(base)
            for name in names:
                numbers[name][index] += own[name][row] if row is not None else np.nan
            base = runs[row].base_model if row is not None else ""
