"""Figures of the training-cost model: speed, ratio to plain pandas, Monte Carlo, import time.

Run by hand: ``python benchmarks/training.py``. One run prints every figure; the pandas version
follows the same rules row by row and must give the same numbers to nine digits.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import subprocess
import sys
import time
from datetime import timedelta
from statistics import median

import numpy as np
import pandas as pd

from cost_engine.training.published.estimates import Estimates, estimates
from cost_engine.training.published.prices import PRICE_TYPES, PriceTables
from cost_engine.training.published.rules import VINTAGES, Run, training_start
from cost_engine.training.published.selection import most_common_hardware, with_imputed_hardware
from pipelines.derive import epoch, training_method
from pipelines.derive.training_runs import basis, intervals
from warehouse.reference import REFERENCE_FOLDER, bundled
from warehouse.reference.training import EPOCH_FOLDER, epoch_table

VINTAGE = VINTAGES["2025-06"]
FIGURES = training_method.figures(bundled())
ELECTRICITY = training_method.published_electricity(bundled())


def frames() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, dict[str, float]]:
    folder = REFERENCE_FOLDER / EPOCH_FOLDER / "2025-06"
    return (
        pd.read_csv(folder / "models.csv.gz"),
        pd.read_csv(folder / "chips.csv.gz"),
        pd.read_csv(folder / "hardware_prices.csv.gz"),
        epoch.price_index_of(epoch_table(bundled(), "2025-06", "producer_price_index")),
    )


def plain_costs(
    models: pd.DataFrame, chips: pd.DataFrame, prices: pd.DataFrame, index: dict[str, float]
) -> pd.DataFrame:
    """Cost every model row by row, each lookup a filter on a frame."""
    return pd.DataFrame([plain_row(row, chips, prices, index) for _, row in models.iterrows()])


def plain_row(row, chips, prices, index):  # type: ignore[no-untyped-def]
    hardware = row["Training hardware"]
    result = {"amortized_usd": math.nan, "acquisition_usd": math.nan, "cloud_usd": math.nan}
    if pd.isna(hardware) or "," in hardware or pd.notna(row["Base model"]):
        return result
    if pd.isna(row["Publication date"]):
        return result
    chip = chips[chips["Hardware name"] == hardware].iloc[0]
    published = pd.Timestamp(row["Publication date"])
    organization = "" if pd.isna(row["Organization"]) else row["Organization"]
    run = Run(
        str(row["Model"]),
        published.date(),
        training_hours=None
        if pd.isna(row["Training time (hours)"])
        else row["Training time (hours)"],
    )
    start = pd.Timestamp(training_start(run, VINTAGE))
    hours = plain_hours(row, chip)
    quantity = row["Hardware quantity"]
    result["cloud_usd"] = (
        plain_cloud(hardware, organization, prices, start - timedelta(days=60))
        * quantity
        * row["Training time (hours)"]
    )
    bought = plain_purchase(hardware, chip, prices)
    if bought is None:
        return result
    usd, acquired = bought
    result["acquisition_usd"] = quantity * usd / (1 - 0.19)
    age = (start - acquired).days / 365.25
    if "TPU" not in hardware:
        age = max(age, 0.0)
    value = usd * 10 ** (-0.14 * age)
    watts = chip["TDP (W)"]
    if pd.isna(watts) and "TPU v4" in hardware:
        watts = 373.0
    power = (
        watts
        / 1000
        * FIGURES.server_power_ratio(hardware)
        * FIGURES.average_power_fraction(hardware)
        * FIGURES.site_pue(organization)
    )
    electricity = ELECTRICITY.get(published.year, math.nan)
    amortized = value * 0.14 * math.log(10) / 8766 * hours
    result["amortized_usd"] = amortized / (1 - 0.19) + hours * power * electricity
    factor = index.get("2025-06", 1.0) / index.get(f"{published:%Y-%m}", index["2025-06"])
    return result | {f"real_{name}": value * factor for name, value in result.items()}


def plain_hours(row, chip):  # type: ignore[no-untyped-def]
    if pd.notna(row["Training chip-hours"]):
        return row["Training chip-hours"]
    if pd.notna(row["Hardware quantity"]) and pd.notna(row["Training time (hours)"]):
        return row["Hardware quantity"] * row["Training time (hours)"]
    name = chip["Hardware name"]
    columns = [
        "Tensor-FP16/BF16 performance (FLOP/s)",
        "TF32 (TensorFloat-32) performance (FLOP/s)",
        *(["FP16 (half precision) performance (FLOP/s)"] if "TPU" in name else []),
        "FP32 (single precision) performance (FLOP/s)",
    ]
    if "TPU v1" in name:
        columns.insert(0, "INT8 performance (OP/s)")
    peak = next((chip[c] for c in columns if pd.notna(chip[c]) and chip[c] > 0), math.nan)
    utilisation = row["Hardware utilization (MFU)"]
    utilisation = 0.375 if pd.isna(utilisation) else utilisation
    return row["Training compute (FLOP)"] / (peak * utilisation) / 3600


def plain_purchase(hardware, chip, prices):  # type: ignore[no-untyped-def]
    released = pd.Timestamp(chip["Release date"])
    if "TPU" in hardware:
        usd = next((v for k, v in FIGURES.tpu_equivalent_usd.items() if k in hardware), None)
        return None if usd is None else (usd * 1.64, released)
    alias = next((alias for alias in FIGURES.purchase_families if alias in hardware), None)
    if alias is None:
        return None
    rows = prices[prices["Price (hardware purchase)"].notna()]
    rows = rows[rows["Hardware model"].str.contains(alias, regex=False)]
    rows = rows.sort_values("Price date", kind="stable")
    dgx = rows[rows["Notes"].fillna("").str.contains("DGX")]
    if rows.empty:
        return None
    chosen = (dgx if len(dgx) else rows).iloc[0]
    usd = chosen["Price (hardware purchase)"]
    if "single-unit" in str(chosen["Notes"]).lower():
        usd = usd * FIGURES.server_overhead(hardware)
    on = pd.Timestamp(chosen["Price date"])
    return usd, max(on, released + timedelta(days=90)) if pd.notna(released) else on


def plain_cloud(hardware, organization, prices, on):  # type: ignore[no-untyped-def]
    lowered = organization.lower()
    first = "Amazon Web Services"
    if "google" in lowered or "deepmind" in lowered:
        first = "Google Cloud"
    if "microsoft" in lowered or "openai" in lowered:
        first = "Microsoft Azure"
    rented = prices[prices["Vendor"].notna() & prices["Price date"].notna()]
    majors = ["Amazon Web Services", "Microsoft Azure", "Google Cloud"]
    vendors = list(dict.fromkeys([first, *majors, *rented["Vendor"]]))
    if "TPU" in hardware:
        vendors = ["Google Cloud"]
    simple = FIGURES.rental_names.get(hardware, hardware)
    near = [name for name in FIGURES.rental_names if all(word in name for word in simple.split())]
    for field, label in PRICE_TYPES:
        for vendor in vendors:
            of_vendor = rented[rented["Vendor"] == vendor]
            for name in (hardware, simple, *near):
                rows = of_vendor[of_vendor["Hardware model"] == name]
                if len(rows):
                    break
            if rows.empty:
                continue
            rows = rows.sort_values("Price date", kind="stable")
            dates = pd.to_datetime(rows["Price date"])
            before = rows[dates <= on]
            day = before["Price date"].iloc[-1] if len(before) else rows["Price date"].iloc[0]
            usd = rows[rows["Price date"] == day].iloc[0][label]
            if pd.isna(usd):
                continue
            if field == "three_year":
                return usd
            if vendor in FIGURES.committed_discounts:
                one, three = FIGURES.committed_discounts[vendor]
                return usd * (1 - three) / (1 - (one if field == "one_year" else 0.0))
    return math.nan


def timed(action, repeats):  # type: ignore[no-untyped-def]
    """Return the least CPU seconds of an action, which other work on the machine leaves alone."""
    seconds = []
    for _ in range(repeats):
        begin = time.process_time()
        result = action()
        seconds.append(time.process_time() - begin)
    return min(seconds), result


def import_seconds() -> float:
    """Return the median wall time of importing cost_engine in a fresh interpreter, numpy apart."""
    code = (
        "import numpy, time; begin = time.perf_counter(); import cost_engine.training.planning,"
        " cost_engine.training.published.estimates, cost_engine.trends,"
        " cost_engine.training.uncertainty;"
        " print(time.perf_counter() - begin)"
    )
    runs = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
        for _ in range(5)
    ]
    return median(runs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    rows = epoch.bundled_models("2025-06", bundled())
    tables = epoch.bundled_tables("2025-06", bundled())
    reported = [row.run for row in rows]
    common = most_common_hardware(reported)
    runs = with_imputed_hardware(reported, common)
    models, chips, prices, index = frames()
    models["Training hardware"] = [run.hardware or None for run in runs]

    def report(chosen: list[Run]) -> Estimates:
        # Fresh lookups each time: the tables remember what was asked.
        fresh = PriceTables(
            tables.chips,
            tables.purchases,
            tables.rentals,
            tables.price_index,
            ELECTRICITY,
            FIGURES,
        )
        return estimates(with_imputed_hardware(chosen, common), fresh, VINTAGE)

    ours, costed = timed(lambda: report(reported), options.repeats)
    plain, expected = timed(lambda: plain_costs(models, chips, prices, index), 1)
    worst = 0.0
    for name in ("amortized_usd", "acquisition_usd", "cloud_usd"):
        theirs = expected[name].to_numpy(dtype=float)
        mine = costed.numbers[name]
        both = ~np.isnan(theirs) & ~np.isnan(mine)
        if (np.isnan(theirs) != np.isnan(mine)).any():
            raise SystemExit(f"{name}: the two versions disagree on which models have a cost")
        worst = max(worst, float(np.abs(mine[both] / theirs[both] - 1).max()))
    if worst > 1e-9:
        raise SystemExit(f"the two versions differ by {worst:.1e}")
    frontier = [run for run in reported if run.rank is not None and run.rank <= 5]
    default, _ = timed(lambda: report(frontier), options.repeats)
    part = basis("clean")
    count = int((~np.isnan(part.estimates.numbers["amortized_usd"])).sum())
    monte_carlo, _ = timed(lambda: intervals(part, "amortized", 10_000), 3)
    figures = {
        "models": len(reported),
        "report over all models [CPU s]": ours,
        "models a second": len(reported) / ours,
        "plain pandas, same rules [CPU s]": plain,
        "ratio to plain pandas": plain / ours,
        "largest relative difference": worst,
        "default report, top 5 [CPU s]": default,
        "the authors' program, top 5, quoted [CPU s]": 1.9,
        "ratio to the authors' program": 1.9 / default,
        "models with an interval": count,
        "Monte Carlo of 10,000 draws over them [CPU s]": monte_carlo,
        "import of cost_engine after numpy [s]": import_seconds(),
        "python": platform.python_version(),
        "cores": os.cpu_count() or 0,
    }
    if options.json:
        print(json.dumps(figures, indent=1))
        return
    for name, value in figures.items():
        print(f"{name:45} {value:.4g}" if isinstance(value, float) else f"{name:45} {value}")


if __name__ == "__main__":
    main()
