"""Score the serving model on measured rows with whole groups left out of the fit.

    python -m benchmarks.score_inference [--leave-out pair] [--folder FOLDER] [--record]

Prints errors by metric, concurrency, GPU, engine, precision and model, with pairs, GPUs, models,
engines and later months left out in turn, and the coverage of the 80 % interval by (model, GPU)
pair. ``--leave-out nothing`` scores the constants of the reference data on the same rows, which is
how the model before a change is compared. ``--record`` writes the errors into the reference data,
where the documentation quotes them; without a folder, those of the bundled rows alone, which a test
repeats.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray

from benchmarks.fit_inference import fitted, rounded, written
from benchmarks.serving_cases import Measured, measured
from benchmarks.serving_validation import is_speed, keep, made_row, printed, slices
from cost_engine.serving.calibration import INTERVAL_80_DEVIATIONS, POOLED
from cost_engine.serving.inputs import Floats, ServingConstants
from cost_engine.serving.measured import Cases, Summary, predicted
from pipelines.derive import serving_reference as reference
from pipelines.derive.inference_backtest import published_results
from warehouse.reference import REFERENCE_FOLDER, Documents, bundled
from warehouse.reference.serving import (
    CONSTANTS,
    VALIDATION,
    ValidationRow,
    validation_rows,
)

GROUPS = ("pair", "gpu", "model", "engine", "time", "nothing")
FOLDS = 8
SPLIT_ON = "2026-02-15"
"""The time split: rows before this day and undated ones are fitted, the others scored."""
STEPS = 5
PROMPT_FACTORS = (0.5, 1.0, 2.0)
"""By which prompts are scaled whose length a source does not print. [1]"""
LEVELS = (0.8, 0.95)
LEFT_OUT_COLUMN = "predicted_when_left_out"
TABLE = "inference_measured.csv"


def fits_without(rows: Measured, group: str) -> list[tuple[NDArray[np.intp], ServingConstants]]:
    """Return constants fitted without some groups each, and the places of the rows of these.

    Constants start at the recorded ones, with which all rows are predicted if nothing is left out.
    """
    known = reference.fitted(bundled()).constants
    if group == "nothing":
        return [(np.arange(len(rows.rows)), known)]
    folds = folds_of(rows, group)
    return [
        (
            np.flatnonzero(folds == fold),
            fitted(rows.taken(np.flatnonzero(folds != fold)), known, STEPS),
        )
        for fold in np.unique(folds[folds >= 0])
    ]


def left_out(cases: Cases, fits: Sequence[tuple[NDArray[np.intp], ServingConstants]]) -> Floats:
    """Predict each row from constants fitted without its group, NaN where it is never left out."""
    result = np.full(len(cases), np.nan)
    for places, constants in fits:
        result[places] = predicted(cases.taken(places), constants)
    return result


def folds_of(rows: Measured, group: str) -> NDArray[np.intp]:
    """Return the fold of each row, -1 for rows that are in every fit."""
    if group == "time":
        return np.where(rows.texts("date") >= SPLIT_ON, 0, -1)
    names = {
        "pair": rows.pairs,
        "gpu": rows.cases.gpu.values,
        "model": rows.cases.model.values,
        "engine": rows.cases.load.engine.values,
    }[group]
    unique, codes, counts = np.unique(names, return_inverse=True, return_counts=True)
    sizes = np.zeros(min(FOLDS, len(unique)))
    fold_of = np.zeros(len(unique), dtype=np.intp)
    for code in np.argsort(-counts, kind="stable"):
        fold_of[code] = np.argmin(sizes)
        sizes[fold_of[code]] += np.sqrt(counts[code])
    return fold_of[codes]


def interval_half_width(logs: Floats, groups: Sequence[str], level: float) -> float:
    """Return the half width that covers a share of the rows, each group counting the same [1]."""
    _, codes, counts = np.unique(groups, return_inverse=True, return_counts=True)
    order = np.argsort(logs)
    share = np.cumsum((1 / counts[codes])[order]) / len(counts)
    return float(logs[order][np.searchsorted(share, level)])


def speed_errors(rows: Measured, ratios: Floats) -> tuple[Floats, NDArray[np.str_]]:
    """Return the logarithms of the errors of speeds, and the pair of each."""
    known = np.isfinite(ratios) & is_speed(rows)
    return np.abs(np.log(ratios[known])), rows.pairs[known]


def coverage(logs: Floats, groups: NDArray[np.str_], level: float) -> tuple[float, float]:
    """Return what share of a group an interval covers whose width other groups decide.

    Returns
    -------
    tuple of float
        The mean over the groups, and its sampling error. [1]
    """
    covered = []
    for name in np.unique(groups):
        is_here = groups == name
        width = interval_half_width(logs[~is_here], groups[~is_here].tolist(), level)
        covered.append(np.mean(logs[is_here] <= width))
    return float(np.mean(covered)), float(np.std(covered) / np.sqrt(len(covered)))


def record(rows: Measured, prediction: Floats, group: str) -> None:
    """Write errors and interval into the reference data, and the predictions of pairs left out."""
    path = REFERENCE_FOLDER / CONSTANTS
    content = yaml.safe_load(path.read_text("utf-8"))
    errors, spreads = content["fit"]["errors"], content["fit"]["error_log_sd"]
    ratios = prediction / rows.values
    has_speed = np.isfinite(ratios) & is_speed(rows)
    name = "fitted_rows" if group == "nothing" else f"unseen_{group}"
    for key in [key for key in errors if key.startswith(name)]:
        del errors[key]
    for key, value in Summary.of(ratios[has_speed]).as_json().items():
        errors[f"{name}_{key}"] = value
    for level in LEVELS:
        share, error = coverage(*speed_errors(rows, ratios), level)
        errors[f"{name}_coverage_{100 * level:.0f}"] = rounded(share, 4)
        errors[f"{name}_coverage_{100 * level:.0f}_sd"] = rounded(error, 4)
    if group in ("pair", "gpu", "model"):
        groups = rows.pairs if group == "pair" else getattr(rows.cases, group).values
        for start, mask in (("", ~rows.is_pooled), (POOLED, rows.is_pooled)):
            chosen = has_speed & mask
            logs = np.abs(np.log(ratios[chosen]))
            width = interval_half_width(logs, groups[chosen].tolist(), 0.8)
            spreads[f"{start}{group}"] = rounded(width / INTERVAL_80_DEVIATIONS, 4)
    written(path, content)
    if group == "pair":
        keep_left_out(rows, prediction)


def keep_left_out(rows: Measured, prediction: Floats) -> None:
    """Write beside each bundled row its prediction with its pair left out of the fit."""
    header, bundled_rows = published_results(bundled())
    found = {row_key(row): value for row, value in zip(rows.rows, prediction, strict=True)}
    with (REFERENCE_FOLDER / TABLE).open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, header, lineterminator="\n")
        writer.writeheader()
        for row in bundled_rows:
            value = found.get(row_key(row), np.nan)
            text = f"{value:.5g}" if np.isfinite(value) else ""
            writer.writerow({**row, LEFT_OUT_COLUMN: text})


def row_key(row: dict[str, str]) -> tuple[str, ...]:
    """Return what tells rows apart: everything but the prediction."""
    return tuple(sorted(f"{key}={cell}" for key, cell in row.items() if key != LEFT_OUT_COLUMN))


def prompt_slices(
    rows: Measured,
    fits: Sequence[tuple[NDArray[np.intp], ServingConstants]],
    group: str,
    rows_of: str,
) -> list[ValidationRow]:
    """Return the errors of energy at half and double the prompts that a source does not print."""
    is_assumed = np.array([not row["input_len"] for row in rows.rows])
    some = is_assumed & (rows.cases.kind.values == "joules")
    made = []
    for factor in PROMPT_FACTORS:
        load = rows.cases.load
        scaled = replace(load, input_tokens=np.maximum(load.input_tokens * factor, 1.0))
        ratios = left_out(replace(rows.cases, load=scaled), fits) / rows.values
        scored = some & np.isfinite(ratios)
        name = f"joules at {factor:g} x the assumed prompt"
        made.append(made_row(rows, ratios, scored, group, rows_of, "prompt", name, "aggregated"))
    return [row for row in made if row.rows]


def main() -> None:
    """Score and print, record on request."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--leave-out", choices=GROUPS, action="append", help="default: each in turn"
    )
    parser.add_argument("--folder", type=Path, help="further tables to fit and score")
    parser.add_argument("--record", action="store_true", help="write the errors")
    options = parser.parse_args()
    rows = measured(options.folder)
    rows_of = "all" if options.folder else "bundled"
    for group in options.leave_out or GROUPS:
        fits = fits_without(rows, group)
        prediction = left_out(rows.cases, fits)
        ratios = prediction / rows.values
        made = slices(rows, ratios, group, rows_of) + prompt_slices(rows, fits, group, rows_of)
        print(f"left out: {group}")
        print("\n".join(printed(made)))
        for level in LEVELS:
            share, error = coverage(*speed_errors(rows, ratios), level)
            print(f"{level:.0%} interval covers {share:.1%} (sampling error {error:.1%})")
        if options.record:
            keep(REFERENCE_FOLDER / VALIDATION, recorded_rows(), made)
            if options.folder:
                record(rows, prediction, group)


def recorded_rows() -> tuple[ValidationRow, ...]:
    """Return the recorded errors, none before the first."""
    return validation_rows(Documents.of_folder())


if __name__ == "__main__":
    main()
