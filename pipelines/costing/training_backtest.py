"""Recomputes a file of training-cost cases and says how far it is from what the file expects.

A case file has Epoch's or our input columns, any output columns it wants checked, and anything
else, which is carried along. The sums are in ``cost_engine.published_method``.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Literal

import numpy as np

from cost_engine import published_method
from cost_engine.published_method import (
    PREPARATION_DAYS,
    CloudHours,
    Estimates,
    Run,
    Vintage,
    estimates,
    most_common_hardware,
    with_imputed_hardware,
)
from pipelines.costing import epoch
from pipelines.costing.epoch import TableError

DEFAULT_TOLERANCE = 1e-9
NOTE_LENGTH = 160
"""Case files keep this much of a price note. [character]"""

NUMBER_COLUMNS = {
    "chip_hours_used": "chip_hours",
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
    "usd_per_chip_hour": "usd_per_chip_hour",
    "capex_energy_total_usd": "amortized_usd",
    "acquisition_cost_usd": "acquisition_usd",
    "cloud_price_per_chip_hour_usd": "cloud_usd_per_chip_hour",
    "cloud_chip_hours_used": "cloud_chip_hours",
    "cloud_cost_usd": "cloud_usd",
    "inflation_factor_to_2025_06": "inflation_factor",
    "capex_energy_total_usd2025m06": "real_amortized_usd",
    "acquisition_cost_usd2025m06": "real_acquisition_usd",
    "cloud_cost_usd2025m06": "real_cloud_usd",
}
"""Output column of a case file to the column of ``Estimates.numbers``."""
TEXT_COLUMNS = {
    "chip_hours_method": "chip_hours_method",
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
DATE_COLUMNS = ("training_start_date", "cloud_price_lookup_date")
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
AMBIGUITY_COLUMN = "cloud_price_ambiguous"
"""Rows so marked hang on the order of same-day prices; their cloud columns are not compared."""

Prediction = float | str | None


@dataclass(frozen=True)
class ColumnScore:
    """How one output column compares."""

    name: str
    compared: int
    max_relative_error: float
    median_relative_error: float
    over_tolerance: int


@dataclass(frozen=True)
class Mismatch:
    """One cell over the tolerance."""

    model: str
    column: str
    expected: str
    predicted: Prediction
    relative_error: float


@dataclass(frozen=True)
class Backtest:
    """The recomputed cases, the scores of their columns and the settings that were used."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    predictions: Mapping[str, Sequence[Prediction]]
    scores: Sequence[ColumnScore]
    mismatches: Sequence[Mismatch]
    tolerance: float
    vintage: Vintage
    cloud_hours_reason: str

    @property
    def has_passed(self) -> bool:
        """Whether no compared cell is over the tolerance."""
        return not any(score.over_tolerance for score in self.scores)

    def as_json(self) -> dict[str, object]:
        """Return the report of ``truecost backtest training --format json``."""
        return {
            "cases": len(self.rows),
            "tolerance": self.tolerance,
            "passed": self.has_passed,
            "columns": {
                score.name: {
                    "compared": score.compared,
                    "max_relative_error": score.max_relative_error,
                    "over_tolerance": score.over_tolerance,
                }
                for score in self.scores
            },
        }

    def as_csv(self) -> str:
        """Return every case with ``predicted_<output column>`` and the reason of a blank."""
        buffer = io.StringIO(newline="")
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow([*self.header, *(f"predicted_{name}" for name in self.predictions)])
        columns = list(self.predictions.values())
        for index, row in enumerate(self.rows):
            cells = (column[index] for column in columns)
            writer.writerow([*row, *("" if cell is None else cell for cell in cells)])
        return buffer.getvalue()


def read_cases(path: Path) -> tuple[list[str], list[list[str]]]:
    """Return the header and the rows of a case file, each row as long as the header.

    Raises
    ------
    TableError
        If the file is no CSV table, has no case, or has none of the input columns.
    """
    try:
        header, reader = epoch.table_rows(path)
        rows = [row for row in reader if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise TableError(f"{path}: not a CSV table in UTF-8 ({error})") from None
    names = [name.strip() for name in header]
    known = {field for field, forms in epoch.MODEL_COLUMNS.items() if set(forms) & set(names)}
    if not known & {"hardware", "training_flops", "chip_hours", "hardware_quantity"}:
        accepted = ", ".join(forms[-1] for forms in epoch.MODEL_COLUMNS.values())
        raise TableError(f"{path}: no input column; wants some of {accepted}")
    if not rows:
        raise TableError(f"{path}: a header and no case")
    width = len(names)
    return names, [[*row[:width], *[""] * (width - len(row))] for row in rows]


def backtest(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    vintage_name: str | None = None,
    tolerance: float = DEFAULT_TOLERANCE,
    cloud_hours: CloudHours | Literal["auto"] = "auto",
) -> Backtest:
    """Recompute every case under a vintage and compare with the outputs that the file has.

    Parameters
    ----------
    header, rows : sequence
        From ``read_cases``.
    vintage_name : str, optional
        Default: 2024-12 for a file with columns in money of December 2023, else 2025-06.
    tolerance : float
        Largest relative error that passes. [1]
    cloud_hours : {"auto", "run", "quantity_times_time"}
        Which chip-hours the cloud cost of 2025-06 takes; see ``chosen_cloud_hours``.

    Raises
    ------
    TableError
        For a tolerance that is not positive.
    """
    if not 0 < tolerance < float("inf"):
        raise TableError(f"tolerance = {tolerance!r}: must be a finite number above 0")
    is_paper = bool(set(header) & set(PAPER_COLUMNS))
    vintage = published_method.vintage_named(vintage_name or ("2024-12" if is_paper else "2025-06"))
    is_paper = is_paper or vintage.name.startswith("2024")
    runs, problems = _runs(header, rows)
    vintage, reason = chosen_cloud_hours(vintage, cloud_hours, header, rows, runs)
    result = _estimates(runs, vintage)
    predictions = _predictions(result, len(rows), problems, is_paper=is_paper)
    scores, mismatches = _compare(header, rows, runs, predictions, tolerance)
    return Backtest(header, rows, predictions, scores, mismatches, tolerance, vintage, reason)


def chosen_cloud_hours(
    vintage: Vintage,
    wanted: CloudHours | Literal["auto"],
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    runs: Sequence[Run],
) -> tuple[Vintage, str]:
    """Return the vintage with its rule for cloud chip-hours settled, and why in words.

    The program of 2025-06 multiplies the rental price by quantity times time in its default run
    (the top five of their time) although it knows better hours. A file made by that run says so
    in its own chip-hours column; without one, a file of nothing but top-five models is taken for
    it, and any other for section 1.2: reported hours, else quantity times time, else compute.
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
        return 1 if is_withheld and run.chip_hours else 0
    if not product:
        return -1
    if run.chip_hours is None or run.chip_hours == product:
        return 0  # both rules give the same
    ratio = (epoch.number(text, "cloud_chip_hours_used") or 0) / product
    return 1 if abs(ratio - 1) < DEFAULT_TOLERANCE else -1


def _runs(
    header: Sequence[str], rows: Sequence[Sequence[str]]
) -> tuple[list[Run], list[str | None]]:
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


def _estimates(runs: Sequence[Run], vintage: Vintage) -> Estimates:
    """Cost the runs, with the bundled models that they are fine-tuned from behind them."""
    if vintage.is_hardware_imputed and any(not run.hardware for run in runs):
        common = most_common_hardware(row.run for row in epoch.bundled_models(vintage.name))
        runs = with_imputed_hardware(runs, common)
    bases: list[Run] = []
    if vintage.is_base_model_added:
        known = {row.run.model: row.run for row in epoch.bundled_models(vintage.name)}
        names = {run.model for run in runs}
        wanted = [run.base_model for run in runs if run.base_model]
        while wanted:
            base = wanted.pop()
            if base in known and base not in names:
                names.add(base)
                bases.append(known[base])
                wanted.append(known[base].base_model)
    return estimates([*runs, *bases], epoch.bundled_tables(vintage.name), vintage)


def _predictions(
    result: Estimates, count: int, problems: Sequence[str | None], *, is_paper: bool
) -> dict[str, list[Prediction]]:
    """Return the predicted output columns; a case with a bad input has none, and the reason."""

    def kept(values: Sequence[Prediction]) -> list[Prediction]:
        return [
            None if problem else value for value, problem in zip(values, problems, strict=False)
        ]

    predictions: dict[str, list[Prediction]] = {}
    for name, source in (PAPER_COLUMNS if is_paper else NUMBER_COLUMNS).items():
        numbers = result.numbers[source][:count]
        predictions[name] = kept([None if np.isnan(x) else float(x) for x in numbers])
    if not is_paper:
        for name, source in TEXT_COLUMNS.items():
            predictions[name] = kept(result.texts[source][:count])
        predictions["acq_raw_note"] = [
            note[:NOTE_LENGTH] if isinstance(note, str) else None
            for note in predictions["acq_raw_note"]
        ]
        starts = result.starts[:count]
        shift = timedelta(days=PREPARATION_DAYS)
        predictions["training_start_date"] = kept([s.isoformat() if s else None for s in starts])
        predictions["cloud_price_lookup_date"] = kept(
            [(s - shift).isoformat() if s else None for s in starts]
        )
    predictions["hardware"] = [run.hardware or None for run in result.runs[:count]]
    predictions["hardware_imputed"] = [str(run.is_hardware_imputed) for run in result.runs[:count]]
    reasons = result.texts["reason"][:count]
    predictions["reason"] = [
        problem or reason for problem, reason in zip(problems, reasons, strict=True)
    ]
    return predictions


def _compare(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    runs: Sequence[Run],
    predictions: Mapping[str, Sequence[Prediction]],
    tolerance: float,
) -> tuple[list[ColumnScore], list[Mismatch]]:
    scores, mismatches = [], []
    ambiguity = header.index(AMBIGUITY_COLUMN) if AMBIGUITY_COLUMN in header else None
    for name, column in predictions.items():
        if name not in header or name in ("hardware", "hardware_imputed", "reason"):
            continue
        place = header.index(name)
        errors: list[float] = []
        for index, row in enumerate(rows):
            expected = row[place].strip()
            is_ambiguous = (
                ambiguity is not None
                and row[ambiguity].strip().lower() == "true"
                and name.startswith("cloud_")
            )
            if not expected or is_ambiguous:
                continue
            error = _relative_error(expected, column[index])
            errors.append(error)
            if error > tolerance:
                mismatches.append(Mismatch(runs[index].model, name, expected, column[index], error))
        scores.append(
            ColumnScore(
                name,
                len(errors),
                max(errors, default=0.0),
                float(np.median(errors)) if errors else 0.0,
                sum(error > tolerance for error in errors),
            )
        )
    mismatches.sort(key=lambda mismatch: -mismatch.relative_error)
    return scores, mismatches


def _relative_error(expected: str, predicted: Prediction) -> float:
    """Return the relative error; 1 for a missing prediction or another text."""
    if predicted is None:
        return 1.0
    if isinstance(predicted, str):
        return 0.0 if predicted.strip() == expected else 1.0
    try:
        value = float(expected)
    except ValueError:
        return 1.0
    if value == 0:
        return abs(predicted)
    return abs(predicted / value - 1)
