"""Refit the serving constants to measured rows.

    python -m benchmarks.fit_inference [--folder FOLDER] [--write]

Partial pooling: every constant is held near a physical prior and every factor of a model, a
precision, an engine on an architecture or a report near 1, each by its own spread. All are
estimated together, by Gauss-Newton steps on the logarithms with a robust loss, so that the middle
row decides. ``score_inference`` leaves whole groups out.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from benchmarks.serving_cases import Measured, measured
from benchmarks.serving_priors import FIRST_TOKEN, POWER, SPEEDS, Stage
from cost_engine.serving.inputs import Floats, Labels, ServingConstants
from cost_engine.serving.measured import (
    FIRST_TOKEN_KINDS,
    POWER_KINDS,
    Cases,
    is_time,
    physics,
    residual_factor,
)
from warehouse.reference import REFERENCE_FOLDER
from warehouse.reference.serving import CONSTANTS

ROBUST_SCALE = 0.25
"""Errors of the logarithm beyond this count less and less. [1]"""
MOST_ERROR = 2.5
"""Rows that are further off are broken, and do not count. [1]"""
DIFFERENCE = 1e-3
"""Step of the logarithm of a constant for its derivative. [1]"""
MOST_STEPS = 12
STAGES = (SPEEDS, POWER, FIRST_TOKEN)
MOST_DAMPING = 1e6
ENOUGH = 3e-4
"""Relative improvement of the objective below which the fit ends. [1]"""
UNFITTED_KINDS = ("usd", "joules", *POWER_KINDS)
"""Metrics that repeat others, and the power of the GPUs."""


@dataclass(frozen=True)
class Prior:
    """Means and spreads of the logarithms of the constants, and of the factors.

    A constant concerns the rows of its name, such as those of an engine: one prediction with all
    entries of a table moved gives the derivatives by each.
    """

    names: list[str]
    mean: Floats
    spread: Floats
    tables: list[slice]
    concerns: NDArray[np.bool_]
    factor_names: list[str]
    factor_spread: Floats


def fitted(
    rows: Measured, start: ServingConstants | None = None, steps: int = MOST_STEPS
) -> ServingConstants:
    """Return constants and factors fitted to rows, from the priors or a former fit on.

    Speeds come first, then the power and the time to the first token with them.
    """
    former = start.values if start else {}
    kinds = rows.cases.kind.values
    speeds = rows.taken(np.flatnonzero(~np.isin(kinds, UNFITTED_KINDS + FIRST_TOKEN_KINDS)))
    found = estimated(speeds, SPEEDS, {}, former, steps)
    powers = rows.taken(np.flatnonzero(np.isin(kinds, POWER_KINDS)))
    if len(powers.rows):
        found |= estimated(powers, POWER, found, former, steps)
    waits = rows.taken(np.flatnonzero(np.isin(kinds, FIRST_TOKEN_KINDS)))
    if len(waits.rows):
        found |= estimated(waits, FIRST_TOKEN, found, former, steps)
    return ServingConstants(found)


def estimated(
    rows: Measured,
    stage: Stage,
    fixed: Mapping[str, float],
    former: Mapping[str, float],
    steps: int,
) -> dict[str, float]:
    """Return the constants of one stage, near their priors, with those of the others fixed."""
    cases, weights = rows.cases, rows.weights
    logs = np.log(rows.values)
    if fixed:
        known = residual_factor(cases, ServingConstants(fixed))
        logs = logs + np.log(known) * np.where(is_time(cases), 1, -1)
    prior = prior_of(cases, stage)
    design = factor_design(cases, stage, prior.factor_names)
    theta = np.array(
        [
            math.log(former[name]) if name in former else middle
            for name, middle in zip(prior.names, prior.mean, strict=True)
        ]
    )
    factors = np.array([math.log(former.get(name, 1.0)) for name in prior.factor_names])

    def predicted_logs(at: Floats) -> Floats:
        values = {**fixed, **dict(zip(prior.names, np.exp(at).tolist(), strict=True))}
        prediction = np.nan_to_num(physics(cases, ServingConstants(values)), nan=0.0, posinf=1e12)
        return np.log(np.maximum(prediction, 1e-9))

    def objective(prediction: Floats, at: Floats, of: Floats) -> float:
        off = np.clip(logs - prediction - design @ of, -MOST_ERROR, MOST_ERROR) / ROBUST_SCALE
        loss = np.sum(weights * 2 * (np.sqrt(1 + off**2) - 1))
        return float(
            loss
            + np.sum(((at - prior.mean) / prior.spread) ** 2)
            + np.sum((of / prior.factor_spread) ** 2)
        )

    prediction = predicted_logs(theta)
    best, damping = objective(prediction, theta, factors), 1e-3
    precision = np.concatenate([prior.spread, prior.factor_spread]) ** -2.0
    for _ in range(steps):
        slopes = np.empty((len(cases), len(theta)))
        for table in prior.tables:
            moved = theta.copy()
            moved[table] += DIFFERENCE
            change = np.clip((predicted_logs(moved) - prediction) / DIFFERENCE, -5, 5)
            slopes[:, table] = change[:, None] * prior.concerns[:, table]
        columns = np.hstack([slopes, design])
        off = logs - prediction - design @ factors
        counts = weights * (np.abs(off) < MOST_ERROR)
        counts = counts / ROBUST_SCALE**2 / np.sqrt(1 + (off / ROBUST_SCALE) ** 2)
        curvature = (columns.T * counts) @ columns + np.diag(precision)
        slope = columns.T @ (counts * off)
        slope -= precision * np.concatenate([theta - prior.mean, factors])
        former_best = best
        while damping < MOST_DAMPING:
            step = np.linalg.solve(curvature + damping * np.diag(np.diag(curvature)), slope)
            step = np.clip(step, -1.0, 1.0)
            next_theta, next_factors = theta + step[: len(theta)], factors + step[len(theta) :]
            next_prediction = predicted_logs(next_theta)
            found = objective(next_prediction, next_theta, next_factors)
            if found < best:
                theta, factors, prediction, best = next_theta, next_factors, next_prediction, found
                damping = max(damping / 4, 1e-5)
                break
            damping = max(damping * 8, 1e-2)
        if former_best - best < ENOUGH * former_best:
            break
    values = dict(zip(prior.names, np.exp(theta).tolist(), strict=True))
    return values | dict(zip(prior.factor_names, np.exp(factors).tolist(), strict=True))


def prior_of(cases: Cases, stage: Stage) -> Prior:
    """Return the priors of the constants, and of the table entries that rows have."""
    names = list(stage.scalars)
    mean = [math.log(scalar.middle) for scalar in stage.scalars.values()]
    spread = [scalar.spread for scalar in stage.scalars.values()]
    tables = [slice(place, place + 1) for place in range(len(names))]
    concerns = [np.ones((len(cases), len(names)), dtype=bool)]
    labels = {
        "architecture": cases.chip.architecture,
        "engine": cases.load.engine,
        "engine_path": cases.load.engine_path,
        "path": cases.chip.path,
    }
    for table, entry in stage.tables.items():
        entries = entries_of(table, labels[entry.by])
        tables.append(slice(len(names), len(names) + len(entries)))
        codes = labels[entry.by].codes
        concerns.append(codes[:, None] == np.unique(codes))
        names += entries
        mean += [0.0] * len(entries)
        spread += [entry.spread] * len(entries)
    factor_names: list[str] = []
    factor_spread: list[float] = []
    for table, of_table in stage.effects(cases).items():
        entries = entries_of(table, of_table)
        factor_names += entries
        factor_spread += [stage.factors[table].spread] * len(entries)
    return Prior(
        names,
        np.array(mean),
        np.array(spread),
        tables,
        np.hstack(concerns),
        factor_names,
        np.array(factor_spread),
    )


def entries_of(table: str, labels: Labels) -> list[str]:
    """Return the constants of a table for the names that rows have."""
    return [f"{table}.{labels.names[code]}" for code in np.unique(labels.codes)]


def factor_design(cases: Cases, stage: Stage, names: Sequence[str]) -> Floats:
    """Return the derivative of each row's logarithm by that of each factor."""
    places = {name: place for place, name in enumerate(names)}
    design = np.zeros((len(cases), len(names)))
    for table, labels in stage.effects(cases).items():
        for code, name in enumerate(labels.names):
            place = places.get(f"{table}.{name}")
            if place is not None:
                design[labels.codes == code, place] = 1
    return design * np.where(is_time(cases), -1, 1)[:, None]


def write(constants: ServingConstants, rows: Measured) -> None:
    """Write the constants into the reference data. Errors are written by ``score_inference``."""
    path = REFERENCE_FOLDER / CONSTANTS
    content = yaml.safe_load(path.read_text("utf-8"))
    source = "fit of benchmarks/fit_inference.py"
    content["constants"] = {
        name: {"value": rounded(constants.values[name], 5), "unit": scalar.unit, "source": source}
        for stage in STAGES
        for name, scalar in stage.scalars.items()
    }
    content["tables"] = {
        name: {
            "unit": "ratio",
            "source": source,
            "note": table.note,
            "values": table_values(constants.values, name),
        }
        for stage in STAGES
        for name, table in {**stage.tables, **stage.factors}.items()
    }
    shape, load = rows.cases.shape, rows.cases.load
    content["fit"] |= {
        "fitted_on": datetime.now(UTC).date(),
        "source": "published tables of TensorRT-LLM, MLPerf Inference and InferenceX, the silicon "
        "sample of AIConfigurator, and ML.ENERGY",
        "rows": len(rows.rows),
        "measured_range": {
            "gpu_count": span(load.gpu_count),
            "input_tokens": span(load.input_tokens),
            "output_tokens": span(load.output_tokens),
            "parameters": span(shape.parameters),
        },
        "measured_gpus": gpus_of(rows.taken(np.flatnonzero(~rows.is_pooled))),
        "measured_pooled_gpus": gpus_of(rows.taken(np.flatnonzero(rows.is_pooled))),
    }
    written(path, content)


def gpus_of(rows: Measured) -> list[str]:
    """Return the GPUs that were measured."""
    return sorted(set(rows.cases.gpu.values.tolist()))


def written(path: Path, content: Mapping[str, Any]) -> None:
    """Write a YAML document below the comment at its head."""
    lines = path.read_text("utf-8").splitlines(keepends=True)
    head = "".join(line for line in lines if line.startswith("#"))
    text = yaml.safe_dump(dict(content), sort_keys=False, width=100, allow_unicode=True)
    path.write_text(head + text, "utf-8")


def table_values(values: Mapping[str, float], table: str) -> dict[str, float]:
    """Return the entries of one table."""
    return {
        name.split(".", 1)[1]: rounded(value, 4)
        for name, value in values.items()
        if name.split(".", 1)[0] == table
    }


def span(values: Any) -> list[float]:
    """Return the lowest and the highest value."""
    return [float(np.min(values)), float(np.max(values))]


def rounded(value: float, digits: int) -> float:
    """Return a number with a few significant digits."""
    return float(f"{value:.{digits}g}")


def main() -> None:
    """Fit, print what moved, and write on request."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="further tables to fit to")
    parser.add_argument("--write", action="store_true", help="write the constants")
    options = parser.parse_args()
    rows = measured(options.folder)
    constants = fitted(rows)
    for name, value in constants.values.items():
        print(f"{name:45s} {value:12.5g}")
    if options.write:
        write(constants, rows)


if __name__ == "__main__":
    main()
