"""Errors of the serving model by slices of the measured rows, with their sampling errors.

Which constants the predictions come from is the caller's choice (``score_inference``); a test
compares what it computes with the recorded ``serving_validation.csv``.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.serving_cases import Measured
from cost_engine.serving.inputs import Floats
from cost_engine.serving.measured import POWER_KINDS, Summary
from warehouse.reference.serving import ValidationRow, concurrency_band

LATENCY_KINDS = ("tpot", "step")
OTHER_KINDS = ("ttft", "joules", *POWER_KINDS)
"""Metrics that the interval of a speed does not describe."""
FEWEST_ROWS = 5
"""Slices of fewer rows are left out. [row]"""
FEWEST_PAIRS = 5
"""Slices of fewer pairs are not compared with what was recorded. [1]"""
ONE_SIDED_95 = 1.645
"""Standard deviations beyond which one in twenty differences lies by chance. [1]"""
RESAMPLES = 200
MOST_ERROR = 10.0
"""Errors count as at most this in a mean. [1]"""
DIGITS = 4


def is_speed(rows: Measured) -> NDArray[np.bool_]:
    """Return where the metric is a speed."""
    return ~np.isin(rows.cases.kind.values, OTHER_KINDS)


def bands(rows: Measured) -> NDArray[np.str_]:
    """Return the band of concurrency of each row, "max" where as many run as fit."""
    users = rows.cases.concurrency
    return np.array(["max" if np.isnan(one) else concurrency_band(one) for one in users])


def slices(
    rows: Measured, ratios: Floats, left_out: str, rows_of: str = "all"
) -> list[ValidationRow]:
    """Return the errors of all speeds, and by what the rows are.

    Parameters
    ----------
    rows : Measured
    ratios : array
        Predicted over measured, NaN where nothing is predicted. [1]
    left_out : str
        The groups that the fit had not seen.
    rows_of : str
        ``all``, or ``bundled`` where only the rows of the project are fitted and scored.

    Returns
    -------
    list of ValidationRow
    """
    mode = np.where(rows.is_pooled, "disaggregated", "aggregated")
    kinds = rows.cases.kind.values
    named = {
        "metric": np.where(np.isin(kinds, LATENCY_KINDS), "time per token", kinds),
        "concurrency": bands(rows),
        "gpu": rows.cases.gpu.values,
        "engine": rows.cases.load.engine.values,
        "precision": rows.cases.chip.path.values,
        "model": rows.cases.model.values,
    }
    known, speed = np.isfinite(ratios), is_speed(rows)
    made = [made_row(rows, ratios, known & speed, left_out, rows_of, "all", "speed", "either")]
    for one in np.unique(mode).tolist():
        some = known & speed & (mode == one)
        made.append(made_row(rows, ratios, some, left_out, rows_of, "all", "speed", one))
    for by, names in named.items():
        keep = known & (speed | (by == "metric"))
        for pair in sorted(set(zip(mode[keep].tolist(), names[keep].tolist(), strict=True))):
            some = keep & (mode == pair[0]) & (names == pair[1])
            made.append(made_row(rows, ratios, some, left_out, rows_of, by, pair[1], pair[0]))
    return [row for row in made if row.rows >= FEWEST_ROWS]


def made_row(
    rows: Measured,
    ratios: Floats,
    some: NDArray[np.bool_],
    left_out: str,
    rows_of: str,
    by: str,
    name: str,
    mode: str,
) -> ValidationRow:
    """Return the errors of some rows."""
    chosen, pairs = ratios[some], rows.pairs[some]
    if not len(chosen):
        return ValidationRow(left_out, rows_of, by, name, mode, 0, 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    summary = Summary.of(chosen)
    errors = np.abs(chosen - 1)
    return ValidationRow(
        left_out=left_out,
        rows_of=rows_of,
        by=by,
        name=name,
        serving_mode=mode,
        rows=summary.count,
        pairs=len(set(pairs.tolist())),
        median_absolute_error=summary.median_absolute_error,
        median_absolute_error_sd=sampling_error(errors, pairs),
        mean_absolute_error=round(float(np.mean(np.minimum(errors, MOST_ERROR))), DIGITS),
        median_ratio=summary.median_ratio,
        within_25_percent=summary.within_25_percent,
        within_2x=summary.within_2x,
    )


def sampling_error(errors: Floats, groups: NDArray[np.str_]) -> float:
    """Return the standard deviation of the median when whole groups are drawn again.

    Examples
    --------
    One group is no sample of groups.

    >>> sampling_error(np.array([0.1, 0.2]), np.array(["a", "a"]))
    0.0
    """
    rng = np.random.default_rng(0)
    names, codes = np.unique(groups, return_inverse=True)
    order = np.argsort(errors)
    medians = []
    for _ in range(RESAMPLES):
        times = np.bincount(rng.integers(0, len(names), len(names)), minlength=len(names))
        share = np.cumsum(times[codes[order]])
        medians.append(errors[order][np.searchsorted(share, share[-1] / 2)])
    return round(float(np.std(medians)), DIGITS)


def worse(made: Sequence[ValidationRow], known: Sequence[ValidationRow]) -> Iterator[str]:
    """Yield what is significantly worse than recorded: by more than sampling can explain.

    Slices of few pairs are skipped: their sampling error is not known.
    """
    recorded = {_key(row): row for row in known}
    for row in made:
        former = recorded.get(_key(row))
        if former is None or row.pairs < FEWEST_PAIRS:
            continue
        bound = ONE_SIDED_95 * max(row.median_absolute_error_sd, former.median_absolute_error_sd)
        if row.median_absolute_error > former.median_absolute_error + bound:
            yield (
                f"{row.serving_mode} {row.by} {row.name}, {row.left_out} left out: "
                f"{row.median_absolute_error:.1%} instead of {former.median_absolute_error:.1%}"
            )


def _key(row: ValidationRow) -> tuple[str, ...]:
    return (row.left_out, row.rows_of, row.by, row.name, row.serving_mode)


def printed(made: Sequence[ValidationRow]) -> Iterator[str]:
    """Yield the lines of a table for people."""
    last = ""
    for row in made:
        if row.by != last:
            last = row.by
            yield (
                f"{last:44s} {'rows':>5s} {'pairs':>5s} {'median':>7s} {'+-':>5s} {'mean':>7s} "
                f"{'<= 25 %':>7s} {'ratio':>6s}"
            )
        yield (
            f"{row.serving_mode + ' ' + row.name:44s} {row.rows:5d} {row.pairs:5d} "
            f"{100 * row.median_absolute_error:6.1f}% {100 * row.median_absolute_error_sd:5.1f} "
            f"{100 * row.mean_absolute_error:6.1f}% {100 * row.within_25_percent:6.0f}% "
            f"{row.median_ratio:6.2f}"
        )


def keep(path: Path, known: Sequence[ValidationRow], made: Sequence[ValidationRow]) -> None:
    """Write rows in place of those that say the same of other predictions."""
    replaced = {(row.left_out, row.rows_of) for row in made}
    kept = [row for row in known if (row.left_out, row.rows_of) not in replaced]
    names = [field.name for field in fields(ValidationRow)]
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(names)
        ordered = sorted([*kept, *made], key=lambda row: (row.rows_of, row.left_out))
        writer.writerows([getattr(row, name) for name in names] for row in ordered)
