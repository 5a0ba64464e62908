"""Refit the serving constants to measured rows and say how they do on rows not seen.

    python benchmarks/fit_inference.py CASES.csv [--write] [--folds pair,gpu,model]

A ridge on logarithms holds every constant near a physical prior; the loss is robust, so that the
median row counts. What is left over of a model, a GPU, a precision or a report becomes a factor
that is shrunk towards 1. Whole (model, GPU) pairs, GPUs or models are left out to judge.
"""

from __future__ import annotations

import argparse
import csv
import math
import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import yaml
from scipy.optimize import least_squares

from cost_engine.serving import Labels, ServingConstants
from pipelines.costing import serving_reference as reference
from pipelines.costing.inference_backtest import (
    UNSCORED_METRICS,
    Cases,
    Summary,
    arrays_of,
    is_time,
    physics,
    predicted,
    read_cases,
)

# constant: (prior, standard deviation of its logarithm, unit)
SCALARS = {
    "memory_efficiency": (0.85, 0.15, "ratio"),
    "cache_read_efficiency": (0.75, 0.2, "ratio"),
    "expert_memory_efficiency": (0.7, 0.3, "ratio"),
    "compute_efficiency_16_bit": (0.75, 0.3, "ratio"),
    "compute_efficiency_8_bit": (0.65, 0.3, "ratio"),
    "compute_efficiency_4_bit": (0.5, 0.3, "ratio"),
    "weight_only_efficiency": (0.6, 0.3, "ratio"),
    "expert_compute_efficiency": (0.8, 0.3, "ratio"),
    "decode_attention_efficiency": (0.45, 0.5, "ratio"),
    "prefill_attention_efficiency": (0.45, 0.5, "ratio"),
    "narrow_shard_penalty": (1.0, 1.0, "ratio"),
    "overlap_exponent": (1.5, 0.3, "ratio"),
    "layer_overhead_seconds": (30e-6, 0.7, "seconds"),
    "amd_overhead_factor": (2.0, 0.5, "ratio"),
    "step_overhead_seconds": (1e-3, 1.0, "seconds"),
    "sequence_overhead_seconds": (5e-6, 1.0, "seconds"),
    "hop_seconds": (10e-6, 0.7, "seconds"),
    "link_efficiency": (0.6, 0.5, "ratio"),
    "pcie_link_efficiency": (0.5, 0.5, "ratio"),
    "pipeline_efficiency": (0.85, 0.2, "ratio"),
    "usable_memory_fraction": (0.93, 0.03, "ratio"),
    "workspace_bytes": (2e9, 0.7, "bytes"),
    "expert_workspace_bytes": (8e9, 0.7, "bytes"),
    "output_reservation_fraction": (0.75, 0.2, "ratio"),
    "batch_limit": (2048.0, 0.4, "sequence"),
    "draft_acceptance": (0.7, 0.15, "fraction"),
    "first_token_factor": (3.0, 0.5, "ratio"),
    "speed_growth_per_year": (1.1, 0.05, "ratio"),
    "tuned_speed": (1.1, 0.2, "ratio"),
    "arrival_efficiency": (0.92, 0.1, "ratio"),
    "pace_margin": (0.75, 0.3, "ratio"),
}
TABLES = {
    "architecture_memory": (0.06, "memory bandwidth against the mean of all architectures"),
    "architecture_compute": (0.1, "matrix throughput against the mean of all architectures"),
    "engine_overhead": (0.3, "time between kernels against the mean of all engines"),
    "engine_speed": (0.05, "everything against the mean of all engines"),
}
RESIDUALS = {
    "model_speed": (0.12, "what a model's kernels are off, shrunk to 1"),
    "gpu_speed": (0.07, "what a GPU is off, shrunk to 1"),
    "precision_speed": (0.1, "what a precision on an architecture is off, shrunk to 1"),
    "report_speed": (0.1, "what a report's way of measuring is off, shrunk to 1"),
}
RESIDUAL_SCALE = 0.15
LOSS_SCALE = 0.25
UNSCORED_WEIGHT = 0.02
PAIR_WEIGHT_EXPONENT = -0.25
SEED = 0
LEFT_OUT_COLUMN = "predicted_when_left_out"
LEFT_OUT: set[str] = set()
"""Constants kept at their ideal value, to see what they are worth."""


def theta_names(cases: Cases) -> list[str]:
    keys = {
        "architecture_memory": cases.chip.architecture.names,
        "architecture_compute": cases.chip.architecture.names,
        "engine_overhead": cases.load.engine.names,
        "engine_speed": cases.load.engine.names,
    }
    scalars = [name for name in SCALARS if name not in LEFT_OUT]
    return [*scalars, *(f"{table}.{key}" for table, names in keys.items() for key in names)]


def prior(names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    mean = [math.log(SCALARS[name][0]) if name in SCALARS else 0.0 for name in names]
    spread = [
        SCALARS[name][1] if name in SCALARS else TABLES[name.split(".")[0]][0] for name in names
    ]
    return np.array(mean), np.array(spread)


def row_weights(cases: Cases) -> np.ndarray:
    pairs = list(zip(cases.model.codes, cases.gpu.codes, strict=True))
    counts = Counter(pairs)
    weights = np.array([counts[pair] ** PAIR_WEIGHT_EXPONENT for pair in pairs])
    unscored = np.array([name in UNSCORED_METRICS for name in cases.kind.names])
    weights *= np.where(unscored[cases.kind.codes], UNSCORED_WEIGHT, 1.0)
    return weights / weights.mean()


def fitted(cases: Cases, values: np.ndarray) -> ServingConstants:
    names = theta_names(cases)
    mean, spread = prior(names)
    weights = np.sqrt(row_weights(cases))
    logs = np.log(values)

    def residuals(theta: np.ndarray) -> np.ndarray:
        constants = ServingConstants(dict(zip(names, np.exp(theta), strict=True)))
        prediction = np.nan_to_num(physics(cases, constants), nan=1e-9)
        off = np.clip(np.log(np.maximum(prediction, 1e-9)) - logs, -3, 3) / LOSS_SCALE
        robust = np.sign(off) * np.sqrt(2 * (np.sqrt(1 + off**2) - 1))
        return np.concatenate([robust * weights, (theta - mean) / spread])

    found = least_squares(
        residuals, mean, max_nfev=25, ftol=1e-4, xtol=1e-4, diff_step=1e-4, x_scale=spread
    )
    constants = dict(zip(names, np.exp(found.x).tolist(), strict=True))
    return ServingConstants(constants | shrunken(cases, values, ServingConstants(constants)))


def shrunken(cases: Cases, values: np.ndarray, constants: ServingConstants) -> dict[str, float]:
    """Return residual factors: a ridge with a robust loss on what the equations leave over."""
    columns = {
        "model_speed": cases.model,
        "gpu_speed": cases.gpu,
        "precision_speed": cases.precision,
        "report_speed": cases.report,
    }
    names, blocks, penalty = [], [], []
    for table, labels in columns.items():
        names += [f"{table}.{key}" for key in labels.names]
        blocks.append(np.eye(len(labels.names))[labels.codes])
        penalty += [1 / RESIDUALS[table][0] ** 2] * len(labels.names)
    design = np.hstack(blocks)
    prediction = physics(cases, constants)
    use = np.isfinite(prediction)
    left = np.log(values / np.where(use, prediction, values)) * np.where(is_time(cases), -1, 1)
    base = np.where(use, row_weights(cases) ** 2, 0.0) / RESIDUAL_SCALE**2
    weights = base
    for _ in range(8):
        weighted = design.T * weights
        factors = np.linalg.solve(weighted @ design + np.diag(penalty), weighted @ left)
        off = (left - design @ factors) / RESIDUAL_SCALE
        weights = base / np.sqrt(1 + off**2)
    return {name: float(np.exp(factor)) for name, factor in zip(names, factors, strict=True)}


def _fold(job: tuple[Cases, np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    cases, values, is_test = job
    train, test = np.flatnonzero(~is_test), np.flatnonzero(is_test)
    part = relabelled(cases.taken(train))
    constants = fitted(part, values[train])
    return test, predicted(cases.taken(test), constants)


def relabelled(cases: Cases) -> Cases:
    """Drop the names that no row has any more, so that they get no factor."""

    def again(labels: Labels) -> Labels:
        return Labels.of(np.array(labels.names)[labels.codes])

    return replace(
        cases,
        model=again(cases.model),
        gpu=again(cases.gpu),
        precision=again(cases.precision),
        report=again(cases.report),
        chip=replace(cases.chip, architecture=again(cases.chip.architecture)),
        load=replace(cases.load, engine=again(cases.load.engine)),
    )


def left_out(
    cases: Cases, values: np.ndarray, groups: np.ndarray, folds: int | None = None, seed: int = SEED
) -> np.ndarray:
    """Predict every row from constants fitted without its group."""
    names = np.unique(groups)
    order = np.random.default_rng(seed).permutation(len(names))
    fold_of = {names[place]: (rank % folds if folds else rank) for rank, place in enumerate(order)}
    fold = np.array([fold_of[group] for group in groups])
    jobs = [(cases, values, fold == number) for number in range(fold.max() + 1)]
    result = np.full(len(cases), np.nan)
    with ProcessPoolExecutor(2) as pool:
        for test, prediction in pool.map(_fold, jobs):
            result[test] = prediction
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", type=Path)
    parser.add_argument("--write", action="store_true", help="write the constants")
    parser.add_argument("--judge", default="pair,gpu,model", help="what to leave out")
    parser.add_argument("--folds", type=int, help="folds of whole groups; default: leave one out")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--without", default="", help="constants to keep at their ideal value")
    options = parser.parse_args()
    LEFT_OUT.update(filter(None, options.without.split(",")))
    _, rows = read_cases(options.cases)
    fit = reference.load_fit()
    cases, places, reasons = arrays_of(rows, fit)
    if cases is None:
        sys.exit("no row can be predicted")
    values = np.array([float(rows[place]["value"]) for place in places])
    scored = ~np.array([name in UNSCORED_METRICS for name in cases.kind.names])[cases.kind.codes]
    constants = fitted(cases, values)
    prediction = predicted(cases, constants)
    report = {"fitted rows": Summary.of((prediction / values)[scored])}
    models = np.array(cases.model.names)[cases.model.codes]
    gpus = np.array(cases.gpu.names)[cases.gpu.codes]
    groups = {"pair": np.char.add(np.char.add(models, " on "), gpus), "gpu": gpus, "model": models}
    unseen = {}
    for name in filter(None, options.judge.split(",")):
        unseen[name] = left_out(cases, values, groups[name], options.folds, options.seed)
        ratios = (unseen[name] / values)[scored]
        report[f"unseen {name}"] = Summary.of(ratios[np.isfinite(ratios)])
    for name, summary in report.items():
        print(f"{name:14s}", summary.as_json())
    print(len(rows), "rows,", len(cases), "predicted;", dict(Counter(reasons.values())))
    if "pair" in unseen:
        show("metric", cases, values, unseen["pair"], [rows[place]["metric"] for place in places])
        show("pair", cases, values, unseen["pair"], list(groups["pair"]))
    if options.write:
        write(constants, cases, values, unseen, report, scored)
        if "pair" in unseen:
            keep_left_out(options.cases, places, unseen["pair"])


def show(title: str, cases: Cases, values: np.ndarray, prediction: np.ndarray, by: list) -> None:
    print(f"left out, by {title}:")
    for name in sorted(set(by)):
        ratios = (prediction / values)[np.array(by) == name]
        ratios = ratios[np.isfinite(ratios)]
        if len(ratios):
            summary = Summary.of(ratios)
            print(
                f"  {name:45s} {summary.count:4d} {100 * summary.median_absolute_error:6.1f} % "
                f"ratio {summary.median_ratio:.2f}, "
                f"within 25 % {100 * summary.within_25_percent:.0f}"
            )


def keep_left_out(path: Path, places: np.ndarray, prediction: np.ndarray) -> None:
    """Write what each row was predicted at with its pair left out beside it."""
    header, rows = read_cases(path)
    header = [name for name in header if name != LEFT_OUT_COLUMN] + [LEFT_OUT_COLUMN]
    for row in rows:
        row[LEFT_OUT_COLUMN] = ""
    for place, value in zip(places, prediction, strict=True):
        rows[place][LEFT_OUT_COLUMN] = f"{value:.5g}" if np.isfinite(value) else ""
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, header, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def write(
    constants: ServingConstants,
    cases: Cases,
    values: np.ndarray,
    unseen: dict[str, np.ndarray],
    report: dict[str, Summary],
    scored: np.ndarray,
) -> None:
    path = reference.REFERENCE_FOLDER / reference.CONSTANTS_FILE
    content = yaml.safe_load(path.read_text("utf-8"))
    source = "fit of benchmarks/fit_inference.py"
    content["constants"] = {
        name: {"value": float(f"{constants.values[name]:.5g}"), "unit": unit, "source": source}
        for name, (_, _, unit) in SCALARS.items()
    }
    content["tables"] = {
        table: {
            "unit": "ratio",
            "source": source,
            "note": note,
            "values": {
                name.split(".", 1)[1]: float(f"{value:.4f}")
                for name, value in constants.values.items()
                if name.split(".", 1)[0] == table
            },
        }
        for table, (_, note) in {**TABLES, **RESIDUALS}.items()
    }
    spreads = {}
    for name, prediction in unseen.items():
        logs = np.abs(np.log((prediction / values)[scored & np.isfinite(prediction)]))
        # A robust standard deviation: 68 % of the rows lie within it.
        spreads[name] = float(f"{np.quantile(logs, 0.68):.4f}")
    content["fit"] = {
        "fitted_on": datetime.now(UTC).date(),
        "source": "published tables of TensorRT-LLM, MLPerf Inference and InferenceX, whole pairs",
        "rows": len(cases),
        "errors": {
            f"{name.replace(' ', '_')}_{key}": value
            for name, summary in report.items()
            for key, value in summary.as_json().items()
        },
        "error_log_sd": spreads,
        "measured_range": {
            "gpu_count": [float(cases.load.gpu_count.min()), float(cases.load.gpu_count.max())],
            "input_tokens": [
                float(cases.load.input_tokens.min()),
                float(cases.load.input_tokens.max()),
            ],
            "output_tokens": [
                float(cases.load.output_tokens.min()),
                float(cases.load.output_tokens.max()),
            ],
            "parameters": [
                float(cases.shape.parameters.min()),
                float(cases.shape.parameters.max()),
            ],
        },
    }
    head = "".join(
        line for line in path.read_text("utf-8").splitlines(keepends=True) if line.startswith("#")
    )
    path.write_text(
        head + yaml.safe_dump(content, sort_keys=False, width=100, allow_unicode=True), "utf-8"
    )


if __name__ == "__main__":
    main()
