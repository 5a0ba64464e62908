"""The answer of ``truecost backtest training``: cases recomputed and compared with a file.

Here belong the predictions for each output column and their scores. Case files are read in
``training_cases``; the sums are in ``cost_engine.training.published``.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

import numpy as np

from cost_engine import backtest as score
from cost_engine.training.published.estimates import Estimates, estimates
from cost_engine.training.published.rules import (
    PREPARATION_DAYS,
    CloudHours,
    Run,
    Vintage,
    vintage_named,
)
from cost_engine.training.published.selection import most_common_hardware, with_imputed_hardware
from pipelines.answers.training_cases import (
    NUMBER_COLUMNS,
    PAPER_COLUMNS,
    TEXT_COLUMNS,
    chosen_cloud_hours,
    runs_of_cases,
)
from pipelines.derive import epoch, training_method
from pipelines.derive.epoch import TableError
from pipelines.derive.training_backtest import STATED_HOURS
from warehouse.reference import Documents, bundled

DEFAULT_TOLERANCE = 1e-9
NOTE_LENGTH = 160
"""Case files keep this much of a price note. [character]"""

AMBIGUITY_COLUMN = "cloud_price_ambiguous"
"""Rows so marked depend on the order of same-day prices; their cloud columns are not compared."""

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
    kinds: list[str]
    scores: Sequence[ColumnScore]
    mismatches: Sequence[Mismatch]
    tolerance: float
    vintage: Vintage
    cloud_hours_reason: str

    @property
    def has_passed(self) -> bool:
        """Whether no compared cell is over the tolerance."""
        return not any(column.over_tolerance for column in self.scores)

    def as_json(self) -> dict[str, object]:
        """Return the report of ``truecost backtest training --format json``."""
        return {
            "cases": len(self.rows),
            "tolerance": self.tolerance,
            "passed": self.has_passed,
            "kinds": {kind: self.kinds.count(kind) for kind in sorted(set(self.kinds))},
            "columns": {
                column.name: {
                    "compared": column.compared,
                    "max_relative_error": column.max_relative_error,
                    "over_tolerance": column.over_tolerance,
                }
                for column in self.scores
            },
        }

    def as_csv(self) -> str:
        """Return every case with its kind, ``predicted_<output column>`` and the reason of a blank.

        The kind says of the GPU-hours whether they are a prediction, made from compute, or a
        recomputation of what the case states.
        """
        buffer = io.StringIO(newline="")
        writer = csv.writer(buffer, lineterminator="\n")
        printed = [f"predicted_{name}" for name in self.predictions]
        writer.writerow([*self.header, "kind", *printed])
        columns = list(self.predictions.values())
        for index, row in enumerate(self.rows):
            cells = (column[index] for column in columns)
            written = ("" if cell is None else cell for cell in cells)
            writer.writerow([*row, self.kinds[index], *written])
        return buffer.getvalue()


def backtest(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    vintage_name: str | None = None,
    tolerance: float = DEFAULT_TOLERANCE,
    cloud_hours: CloudHours | Literal["auto"] = "auto",
    documents: Documents | None = None,
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
        Which GPU-hours the cloud cost of 2025-06 takes; see ``chosen_cloud_hours``.
    documents : Documents, optional
        Default: the bundled ones.

    Raises
    ------
    TableError
        For a tolerance that is not positive.
    """
    if not 0 < tolerance < float("inf"):
        raise TableError(f"tolerance = {tolerance!r}: must be a finite number above 0")
    is_paper = bool(set(header) & set(PAPER_COLUMNS))
    vintage = vintage_named(vintage_name or ("2024-12" if is_paper else "2025-06"))
    is_paper = is_paper or vintage.name.startswith("2024")
    runs, problems = runs_of_cases(header, rows)
    vintage, reason = chosen_cloud_hours(vintage, cloud_hours, header, rows, runs)
    result = _estimates(runs, vintage, documents or bundled())
    predictions = _predictions(result, len(rows), problems, is_paper=is_paper)
    scores, mismatches = _compare(header, rows, runs, predictions, tolerance)
    kinds = [
        "recomputation" if method in STATED_HOURS else "prediction"
        for method in result.texts["gpu_hours_method"][: len(rows)]
    ]
    return Backtest(
        header, rows, predictions, kinds, scores, mismatches, tolerance, vintage, reason
    )


def _estimates(runs: Sequence[Run], vintage: Vintage, documents: Documents) -> Estimates:
    """Cost the runs, followed by the bundled models that they are fine-tuned from."""
    if vintage.is_hardware_imputed and any(not run.hardware for run in runs):
        common = most_common_hardware(
            row.run for row in epoch.bundled_models(vintage.name, documents)
        )
        runs = with_imputed_hardware(runs, common)
    bases: list[Run] = []
    if vintage.is_base_model_added:
        known = {row.run.model: row.run for row in epoch.bundled_models(vintage.name, documents)}
        names = {run.model for run in runs}
        wanted = [run.base_model for run in runs if run.base_model]
        while wanted:
            base = wanted.pop()
            if base in known and base not in names:
                names.add(base)
                bases.append(known[base])
                wanted.append(known[base].base_model)
    return estimates(
        [*runs, *bases], training_method.published_tables(vintage.name, documents), vintage
    )


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
    return score.relative_error(predicted, value)
