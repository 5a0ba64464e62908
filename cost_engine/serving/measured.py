"""Predictions of measured serving results, in the unit of each metric, and how far they are off.

Pure arithmetic on arrays of one row a case. What the columns of a table of results mean belongs to
the caller.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cost_engine.serving.cost import usd_per_million_tokens
from cost_engine.serving.inputs import (
    Chip,
    Floats,
    Labels,
    Load,
    ModelShape,
    ServingConstants,
    deepened,
    taken,
)
from cost_engine.serving.loop import ServingPoint, closed_loop, concurrency_at_pace
from cost_engine.serving.pools import PooledPoint, Pools, pooled_loop
from cost_engine.serving.power import board_power_fraction, joules_per_output_token
from cost_engine.units import Number

MILLISECONDS_PER_SECOND = 1e3

TIME_KINDS = ("tpot", "step", "ttft", "usd", "joules")
"""Metrics that a faster machine makes smaller."""

POWER_KINDS = ("watts", "watts_per_gpu")
"""Metrics that do not depend on the speed of a machine."""

FIRST_TOKEN_KINDS = ("ttft",)
"""Metrics that end with the first token of an answer."""

REPLICA_SIZES = (1, 2, 4, 8)
"""Sizes of a replica that are tried where only the number of GPUs is known. [GPU]"""


LAYOUTS = ("joint", "divided", "unstated", "replicas", "pools")
"""How the GPUs of a case are divided: one replica with joint, data-parallel or unstated attention,
replicas of unstated size, or separate pools."""


@dataclass(frozen=True)
class Cases:
    """Measured results as arrays, one entry a case.

    ``concurrency`` is NaN where as many sequences run as fit. ``kind`` is what was measured:
    output, output_per_gpu, total, total_per_gpu, requests, pace, tpot, step, ttft, usd,
    watts, watts_per_gpu, joules (of the GPUs, for a token of an answer) or mlperf.
    ``layout`` is how the GPUs were divided, one of ``LAYOUTS``. ``pools`` counts for the last.
    ``model`` names models of one shape alike.
    """

    shape: ModelShape
    chip: Chip
    load: Load
    concurrency: Floats
    kind: Labels
    pace_seconds: Floats
    usd_per_gpu_hour: Floats
    board_power_watts: Floats
    model: Labels
    gpu: Labels
    report: Labels
    layout: NDArray[np.intp]
    pools: Pools

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.concurrency)

    def taken(self, index: NDArray[np.intp]) -> Cases:
        """Return some of the rows."""
        return taken(self, index)


def physics(cases: Cases, constants: ServingConstants) -> Floats:
    """Return what the equations predict for each case, in the unit of its metric.

    Parameters
    ----------
    cases : Cases
    constants : ServingConstants

    Returns
    -------
    array of float
        NaN where not one request fits in memory.
    """
    result = np.full(len(cases), np.nan)
    for layout, predict in enumerate((_replica, _replica, _best_layout, _best_replicas, _pooled)):
        some = np.flatnonzero(cases.layout == layout)
        if len(some):
            result[some] = predict(cases.taken(some), constants)
    return result


def _users(cases: Cases, constants: ServingConstants) -> Floats:
    most = constants["batch_limit"] * np.where(
        cases.load.is_cache_divided, cases.load.gpu_count, 1.0
    )
    return np.where(np.isnan(cases.concurrency), most, cases.concurrency)


def _point(cases: Cases, constants: ServingConstants) -> ServingPoint:
    users = _users(cases, constants)
    return closed_loop(constants, cases.shape, cases.chip, cases.load, users)


def _replica(cases: Cases, constants: ServingConstants) -> Floats:
    """Predict cases of one replica whose layout is known."""
    return _of_kind(cases, constants, _point(cases, constants))


def _best_layout(cases: Cases, constants: ServingConstants) -> Floats:
    """Predict cases of one replica at the faster of joint and data-parallel attention."""
    divided_load = replace(cases.load, is_cache_divided=np.ones(len(cases), dtype=bool))
    divided_cases = replace(cases, load=divided_load)
    joint, divided = _point(cases, constants), _point(divided_cases, constants)
    return np.where(
        divided.requests_per_second > joint.requests_per_second,
        _of_kind(divided_cases, constants, divided),
        _of_kind(cases, constants, joint),
    )


def _pooled(cases: Cases, constants: ServingConstants) -> Floats:
    """Predict cases of separate pools.

    Output and energy of a token count the GPUs that decode, as InferenceX prints them.
    """
    users = _users(cases, constants)
    point = pooled_loop(constants, cases.shape, cases.chip, cases.load, cases.pools, users)
    rate = np.asarray(point.requests_per_second)
    decode = cases.load.gpu_count * cases.pools.decode_workers
    gpus = decode + cases.pools.prefill_gpus * cases.pools.prefill_workers
    tokens = cases.load.input_tokens + cases.load.output_tokens
    return _chosen(
        cases,
        {
            "output": rate * cases.load.output_tokens,
            "output_per_gpu": rate * cases.load.output_tokens / decode,
            "total": rate * tokens,
            "total_per_gpu": rate * tokens / gpus,
            "requests": rate,
            "pace": 1 / np.asarray(point.time_per_output_token_seconds),
            "tpot": np.asarray(point.time_per_output_token_seconds) * MILLISECONDS_PER_SECOND,
            "step": np.asarray(point.time_per_output_token_seconds) * MILLISECONDS_PER_SECOND,
            "ttft": np.asarray(point.time_to_first_token_seconds) * MILLISECONDS_PER_SECOND,
            **_power_kinds(
                cases,
                constants,
                point,
                decode,
                np.where(rate > 0, rate, np.nan) * cases.load.output_tokens,
            ),
        },
        rate,
    )


def _of_kind(cases: Cases, constants: ServingConstants, point: ServingPoint) -> Floats:
    """Return the metric of each case from a serving point."""
    count = cases.load.gpu_count
    per_gpu = np.asarray(point.tokens_per_second_per_gpu)
    safe = np.where(per_gpu > 0, per_gpu, np.nan)
    return _chosen(
        cases,
        {
            "output": point.output_tokens_per_second,
            "output_per_gpu": point.output_tokens_per_second / count,
            "total": per_gpu * count,
            "total_per_gpu": per_gpu,
            "requests": point.requests_per_second,
            "pace": 1 / np.asarray(point.time_per_output_token_seconds),
            "tpot": np.asarray(point.time_per_output_token_seconds) * MILLISECONDS_PER_SECOND,
            "step": np.asarray(point.cycle_seconds)
            / cases.load.output_tokens
            * MILLISECONDS_PER_SECOND,
            "ttft": np.asarray(point.time_to_first_token_seconds) * MILLISECONDS_PER_SECOND,
            "usd": usd_per_million_tokens(cases.usd_per_gpu_hour, 1.0, safe),
            **_power_kinds(
                cases,
                constants,
                point,
                count,
                np.where(per_gpu > 0, point.output_tokens_per_second, np.nan),
            ),
        },
        np.asarray(point.requests_per_second),
    )


def _power_kinds(
    cases: Cases,
    constants: ServingConstants,
    point: ServingPoint | PooledPoint,
    gpu_count: Number,
    output_tokens_per_second: Number,
) -> dict[str, Number]:
    """Return the power of the GPUs, and the energy of a token."""
    per_gpu = cases.board_power_watts * board_power_fraction(
        constants, cases.chip.architecture, point.bandwidth_fraction, point.compute_fraction
    )
    watts = per_gpu * gpu_count
    joules = joules_per_output_token(watts, output_tokens_per_second)
    return {"watts": watts, "watts_per_gpu": per_gpu, "joules": joules}


def _chosen(cases: Cases, by_kind: Mapping[str, Number], rate: Floats) -> Floats:
    """Return the metric of each case, NaN where nothing is served."""
    nothing = np.full(len(cases), np.nan)
    choices = np.stack([by_kind.get(name, nothing) for name in cases.kind.names])
    chosen = choices[cases.kind.codes, np.arange(len(cases))]
    return np.where((rate > 0) & np.isfinite(chosen), chosen, np.nan)


def _best_replicas(cases: Cases, constants: ServingConstants) -> Floats:
    """Predict cases that print the number of GPUs only, at the best size of a replica."""
    total = cases.load.gpu_count
    sizes = np.minimum(np.array(REPLICA_SIZES, dtype=float)[None, :], total[:, None])
    deep = deepened(cases, 1)
    load = replace(
        deep.load, gpu_count=sizes, is_cache_divided=deep.shape.is_mixture_of_experts & (sizes > 1)
    )
    pace = deep.pace_seconds * constants.values.get("pace_margin", 1.0)
    most = constants["batch_limit"] * np.where(load.is_cache_divided, sizes, 1.0)
    users = concurrency_at_pace(constants, deep.shape, deep.chip, load, pace, most)
    point = closed_loop(constants, deep.shape, deep.chip, load, np.maximum(np.asarray(users), 1e-9))
    output: Floats = np.where(
        np.asarray(users) >= 1, point.output_tokens_per_second * total[:, None] / sizes, 0.0
    ).max(axis=1)
    output *= constants.values.get("tuned_speed", 1.0)
    output *= np.where(
        np.isfinite(cases.pace_seconds), constants.values.get("arrival_efficiency", 1.0), 1.0
    )
    return np.where(output > 0, output, np.nan)


def effects(cases: Cases) -> Mapping[str, Labels]:
    """Return what the shrunken factors of each table apply to, by the name of the table."""
    return {
        "model_speed": cases.model,
        "precision_speed": cases.chip.path,
        "engine_path_speed": cases.load.engine_path,
        "report_speed": cases.report,
    }


def first_token_effects(cases: Cases) -> Mapping[str, Labels]:
    """Return what the further factors of the time to the first token apply to, by table."""
    return {"first_token_model": cases.model, "first_token_report": cases.report}


def is_first_token(cases: Cases) -> NDArray[np.bool_]:
    """Return where the metric is the time to the first token."""
    return np.isin(cases.kind.values, FIRST_TOKEN_KINDS)


def residual_factor(cases: Cases, constants: ServingConstants) -> Floats:
    """Return the shrunken speed factors of what was measured, 1 for everything else [1]."""
    factor: Floats = np.ones(len(cases))
    for table, labels in effects(cases).items():
        factor = factor * constants.factor(table, labels)
    factor = np.where(np.isin(cases.kind.values, POWER_KINDS), 1.0, factor)
    for table, labels in first_token_effects(cases).items():
        factor = factor * np.where(is_first_token(cases), constants.factor(table, labels), 1.0)
    return factor


def is_time(cases: Cases) -> NDArray[np.bool_]:
    """Return where a faster machine makes the metric smaller."""
    flags: NDArray[np.bool_] = np.array([name in TIME_KINDS for name in cases.kind.names])
    return flags[cases.kind.codes]


def predicted(cases: Cases, constants: ServingConstants) -> Floats:
    """Return the prediction for each case, in the unit of its metric.

    Parameters
    ----------
    cases : Cases
    constants : ServingConstants

    Returns
    -------
    array of float
        NaN where not one request fits in memory.
    """
    factor = residual_factor(cases, constants)
    return physics(cases, constants) * np.where(is_time(cases), 1 / factor, factor)


@dataclass(frozen=True)
class Summary:
    """How far predictions are off: errors of the ratio predicted over measured."""

    count: int
    median_absolute_error: float
    median_ratio: float
    within_25_percent: float
    within_2x: float

    @classmethod
    def of(cls, ratios: Floats) -> Summary:
        """Summarise ratios.

        Examples
        --------
        >>> Summary.of(np.array([1.0, 1.1, 0.5])).median_absolute_error
        0.1
        """
        errors = np.abs(ratios - 1)
        return cls(
            len(ratios),
            round(float(np.median(errors)), 4),
            round(float(np.median(ratios)), 4),
            round(float(np.mean(errors <= 0.25)), 4),
            round(float(np.mean((ratios >= 0.5) & (ratios <= 2.0))), 4),
        )

    def as_json(self) -> dict[str, float]:
        """Return the summary by name."""
        return {
            "scored": self.count,
            "median_absolute_error": self.median_absolute_error,
            "median_ratio": self.median_ratio,
            "within_25_percent": self.within_25_percent,
            "within_2x": self.within_2x,
        }
