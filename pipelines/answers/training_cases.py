"""Case files of training costs: what they give, what they expect, and the rules they were made by.

Here belongs the reading of a case file: input columns under Epoch AI's names or ours, output
columns to be checked, and any other columns, which are copied to the result. The comparison is in
``backtest_training``.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from cost_engine.training.published.rules import CloudHours, Run, Vintage
from pipelines.derive import epoch
from pipelines.derive.epoch import TableError
from pipelines.derive.epoch_files import table_of_file

MOST_CASES = 200_000
SAME_HOURS = 1e-9
"""Relative difference below which two numbers of GPU-hours are the same. [1]"""

NUMBER_COLUMNS = {
    "chip_hours_used": "gpu_hours",
    "peak_flop_per_s_used": "peak_flops_per_second",
    "mfu_used": "utilisation_fraction_used",
    "acq_raw_price_usd": "acquisition_raw_usd",
    "acq_server_overhead_applied": "server_overhead_applied",
    "acq_price_per_chip_incl_server_usd": "chip_price_usd",
    "price_per_chip_at_training_start_usd": "value_usd_at_start",
    "server_overhead_for_split": "server_overhead",
    "capex_ai_chip_usd": "chip_usd",
    "capex_other_server_usd": "server_usd",
    "capex_interconnect_usd": "interconnect_usd",
    "energy_usd": "energy_usd",
    "energy_kwh": "energy_kwh",
    "energy_price_usd_per_kwh": "usd_per_kwh",
    "pue": "pue",
    "tdp_fraction": "average_power_fraction",
    "chip_to_server_power": "server_power_ratio",
    "chip_tdp_w": "board_power_watts",
    "power_capacity_kw": "power_capacity_kilowatts",
    "usd_per_chip_hour": "usd_per_gpu_hour",
    "capex_energy_total_usd": "amortized_usd",
    "acquisition_cost_usd": "acquisition_usd",
    "cloud_price_per_chip_hour_usd": "cloud_usd_per_gpu_hour",
    "cloud_chip_hours_used": "cloud_gpu_hours",
    "cloud_cost_usd": "cloud_usd",
    "inflation_factor_to_2025_06": "inflation_factor",
    "capex_energy_total_usd2025m06": "real_amortized_usd",
    "acquisition_cost_usd2025m06": "real_acquisition_usd",
    "cloud_cost_usd2025m06": "real_cloud_usd",
}
"""Output column of a case file to the column of ``Estimates.numbers``."""
TEXT_COLUMNS = {
    "chip_hours_method": "gpu_hours_method",
    "acq_raw_price_hw": "acquisition_hardware",
    "acq_raw_price_date": "acquisition_price_date",
    "acq_raw_note": "acquisition_note",
    "acq_price_source": "acquisition_source",
    "acq_date": "acquired_on",
    "cloud_vendor_and_price_type": "cloud_vendor_and_type",
    "cloud_price_date": "cloud_price_date",
    "cloud_price_source": "cloud_source",
    "cloud_same_date_candidate_list_prices": "cloud_same_day_usd",
}
PAPER_COLUMNS = {
    "hardware-capex-energy nominal_usd": "amortized_usd",
    "hardware-capex-energy usd2023m12": "real_amortized_usd",
    "hardware-acquisition nominal_usd": "acquisition_usd",
    "hardware-acquisition usd2023m12": "real_acquisition_usd",
    "cloud nominal_usd": "cloud_usd",
    "cloud usd2023m12": "real_cloud_usd",
    "AI accelerator chip cost nominal_usd": "chip_usd",
    "Other server components cost nominal_usd": "server_usd",
    "Cluster-level interconnect cost nominal_usd": "interconnect_usd",
    "Energy cost nominal_usd": "energy_usd",
}


def read_cases(path: Path) -> tuple[list[str], list[list[str]]]:
    """Return the header and the rows of a case file, each row as long as the header.

    Raises
    ------
    TableError
        If the file is not a CSV table, has no case, or has none of the input columns.
    """
    try:
        table = table_of_file(path)
    except (UnicodeDecodeError, csv.Error) as error:
        raise TableError(f"{path}: not a CSV table in UTF-8 ({error})") from None
    names = [name.strip() for name in table.columns]
    known = {field for field, forms in epoch.MODEL_COLUMNS.items() if set(forms) & set(names)}
    if not known & {"hardware", "training_flops", "gpu_hours", "hardware_quantity"}:
        accepted = ", ".join(forms[-1] for forms in epoch.MODEL_COLUMNS.values())
        raise TableError(f"{path}: no input column; it must have some of {accepted}")
    if not table.rows:
        raise TableError(f"{path}: a header and no case")
    if len(table.rows) > MOST_CASES:
        raise TableError(f"{path}: {len(table.rows):,} cases; {MOST_CASES:,} are read at most")
    width = len(names)
    return names, [[*row[:width], *[""] * (width - len(row))] for row in table.rows]


def chosen_cloud_hours(
    vintage: Vintage,
    wanted: CloudHours | Literal["auto"],
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    runs: Sequence[Run],
) -> tuple[Vintage, str]:
    """Return the vintage with its rule for cloud GPU-hours decided, and the reason in words.

    The program of 2025-06 multiplies the rental price by quantity times time in its default run
    (the top five of their time), although it knows better hours. A file made by that run shows it
    in its own GPU-hours column. Without that column, a file of only top-five models is treated
    as such a file, and any other by section 1.2: reported hours, else quantity times time, else
    compute.
    """
    if wanted != "auto":
        return replace(vintage, cloud_hours=wanted), f"{wanted}: asked for"
    if vintage.cloud_hours == "run":
        return vintage, "run: the rule of this vintage"
    ranks = [run.rank for run in runs]
    is_default_run = all(rank is not None and rank <= vintage.frontier_rank for rank in ranks)
    rule: CloudHours = "quantity_times_time" if is_default_run else "run"
    reason = "every case is among the top five of its time" if is_default_run else "not only top 5"
    votes = sum(
        _vote(dict(zip(header, row, strict=True)), run) for row, run in zip(rows, runs, strict=True)
    )
    if votes:
        rule = "quantity_times_time" if votes > 0 else "run"
        reason = "as the file's own cloud_chip_hours_used"
    return replace(vintage, cloud_hours=rule), f"{rule}: {reason}"


def _vote(cells: Mapping[str, str], run: Run) -> int:
    """Return 1 where a case shows quantity times time, -1 where it shows section 1.2, else 0."""
    if "cloud_chip_hours_used" not in cells:
        return 0
    text = cells["cloud_chip_hours_used"].strip()
    product = (run.hardware_quantity or 0) * (run.training_hours or 0)
    if not text:
        is_withheld = cells.get("cloud_price_per_chip_hour_usd", "").strip() and not product
        return 1 if is_withheld and run.gpu_hours else 0
    if not product:
        return -1
    if run.gpu_hours is None or run.gpu_hours == product:
        return 0  # both rules give the same
    ratio = (epoch.number(text, "cloud_chip_hours_used") or 0) / product
    return 1 if abs(ratio - 1) < SAME_HOURS else -1


def runs_of_cases(
    header: Sequence[str], rows: Sequence[Sequence[str]]
) -> tuple[list[Run], list[str | None]]:
    """Return the runs of the cases, and for each what is wrong with its inputs or None."""
    columns = epoch.Columns(header, epoch.MODEL_COLUMNS)
    flag = header.index("hardware_imputed") if "hardware_imputed" in header else None
    runs, problems = [], []
    for line, row in enumerate(rows, start=2):
        run, problem = epoch.run_of(row, columns, f"row {line}")
        if flag is not None and row[flag].strip().lower() == "true":
            run = replace(run, is_hardware_imputed=True)
        runs.append(run)
        problems.append(problem)
    return runs, problems
