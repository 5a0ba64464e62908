"""How far the serving equations are off: speed factors of what was measured, and error spreads.

Pure arithmetic on floats or arrays. The fitted values come in as a ``Calibration``; the fit itself
is ``benchmarks/fit_inference.py``.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cost_engine.serving.inputs import Floats, Labels, ServingConstants
from cost_engine.uncertainty import NORMAL_90TH_PERCENTILE
from cost_engine.units import Number, unwrapped

INTERVAL_80_DEVIATIONS = round(NORMAL_90TH_PERCENTILE, 4)
"""Half an interval of 80 %, in standard deviations: the 90th percentile of the normal distribution,
rounded to four decimals as in all published tables. [1]"""

WIDENING_PER_DOUBLING = 0.5
"""Growth of the error for each doubling beyond the measured range. An assumption. [1]"""

BEYOND = 1 + 1e-9
"""Extrapolation factors above this lie outside the measured range. The rest is rounding. [1]"""


POOLED = "pooled_"
"""Begins the names of what was measured with separate pools."""


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """The fitted constants and the errors on rows that the fit had not seen.

    Attributes
    ----------
    constants : ServingConstants
    error_log_sd : mapping
        Standard deviation of the natural logarithm of the error, for ``pair`` (both model and GPU
        measured), ``gpu`` (GPU left out) and ``model`` (model left out), and the same of separate
        pools as ``pooled_pair`` and so on. [1]
    measured_range : mapping
        Lowest and highest ``gpu_count``, ``input_tokens``, ``output_tokens``, ``parameters``.
    measured_gpus, measured_pooled_gpus : collection of str
        With joint prefill and decoding, and with separate pools.
    """

    constants: ServingConstants
    error_log_sd: Mapping[str, float]
    measured_range: Mapping[str, Sequence[float]]
    measured_gpus: Collection[str] = ()
    measured_pooled_gpus: Collection[str] = ()


OWN_GPU_TABLE = "own_gpu"
OWN_PAIR_TABLE = "own_pair"
"""Tables of factors that a user measured, by GPU, and by model and GPU."""


def pair_names(model: Labels, gpu: Labels) -> NDArray[np.str_]:
    """Return one name for the model and the GPU of each row.

    Examples
    --------
    >>> pair_names(Labels.of(["a"]), Labels.of(["L4-24GB"])).tolist()
    ['a on L4-24GB']
    """
    return np.char.add(np.char.add(model.values, " on "), gpu.values)


def own_factor(constants: ServingConstants, model: Labels, gpu: Labels) -> Floats:
    """Return the speed factors that a user measured, 1 where there are none [1].

    Examples
    --------
    >>> constants = ServingConstants({"own_gpu.L4-24GB": 1.1, "own_pair.a on L4-24GB": 0.9})
    >>> own_factor(constants, Labels.of(["a", "b"]), Labels.of(["L4-24GB"] * 2)).round(2)
    array([0.99, 1.1 ])
    """
    if not any(name.startswith(OWN_GPU_TABLE) for name in constants.values):
        return np.ones(model.codes.shape)
    pairs = Labels.of(pair_names(model, gpu))
    factor: Floats = constants.factor(OWN_GPU_TABLE, gpu) * constants.factor(OWN_PAIR_TABLE, pairs)
    return factor


def speed_factor(constants: ServingConstants, model: Labels, path: Labels) -> Floats:
    """Return the shrunken speed factors of what was measured, 1 for everything else.

    Parameters
    ----------
    constants : ServingConstants
    model, path : Labels
        Of each row. A path is an architecture and a precision.

    Returns
    -------
    array of float
        [1]

    Examples
    --------
    >>> constants = ServingConstants({"model_speed.a": 1.1, "precision_speed.hopper/fp8": 0.9})
    >>> speed_factor(constants, Labels.of(["a"]), Labels.of(["hopper/fp8"])).round(2)
    array([0.99])
    """
    factor: Floats = constants.factor("model_speed", model) * constants.factor(
        "precision_speed", path
    )
    return factor


def error_log_sd(
    calibration: Calibration,
    model: Labels,
    gpu: Labels,
    *,
    gpu_count: Number,
    input_tokens: Number,
    output_tokens: Number,
    parameters: Number,
    is_pooled: bool = False,
) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the spread of the equations' error, and whether it goes beyond the measured range.

    Parameters
    ----------
    calibration : Calibration
    model, gpu : Labels
        Of each row.
    gpu_count, input_tokens, output_tokens, parameters : float or array
        [GPU], [token], [token], [1]
    is_pooled : bool
        Whether other GPUs do the prefill. Then ``gpu_count`` is of one worker that decodes.

    Returns
    -------
    array of float
        Standard deviation of the natural logarithm. [1]
    array of bool
        True where any of the four lies beyond the measured range.

    Examples
    --------
    A model that was measured on a GPU that was not; then four times as many GPUs as measured.

    >>> calibration = Calibration(
    ...     constants=ServingConstants({"model_speed.a": 1.0}),
    ...     error_log_sd={"pair": 0.1, "gpu": 0.2, "model": 0.3},
    ...     measured_range={"gpu_count": (1, 8), "input_tokens": (1, 1e4),
    ...         "output_tokens": (1, 1e4), "parameters": (1e9, 1e12)})
    >>> one = Labels.of(["a"])
    >>> for gpu_count in (8.0, 32.0):
    ...     spread, is_beyond = error_log_sd(calibration, one, one, gpu_count=gpu_count,
    ...         input_tokens=1e3, output_tokens=1e3, parameters=7e10)
    ...     print(spread.round(2), is_beyond)
    [0.2] [False]
    [0.4] [ True]
    """
    spread = {
        name: calibration.error_log_sd[f"{POOLED}{name}" if is_pooled else name]
        for name in ("pair", "gpu", "model")
    }
    has_model = calibration.constants.has("model_speed", model)
    measured = calibration.measured_pooled_gpus if is_pooled else calibration.measured_gpus
    has_gpu = np.isin(gpu.values, list(measured))
    neither = math.hypot(spread["model"], spread["gpu"])
    base = np.where(
        has_model & has_gpu,
        spread["pair"],
        np.where(has_model, spread["gpu"], np.where(has_gpu, spread["model"], neither)),
    )
    ranges = calibration.measured_range
    beyond = [
        extrapolation_factor(gpu_count, *ranges["gpu_count"]),
        extrapolation_factor(input_tokens, *ranges["input_tokens"]),
        extrapolation_factor(output_tokens, *ranges["output_tokens"]),
        extrapolation_factor(parameters, *ranges["parameters"]),
    ]
    is_beyond = np.broadcast_to(
        np.any(np.stack(np.broadcast_arrays(*beyond)) > BEYOND, axis=0), base.shape
    )
    return np.asarray(widened(base, *beyond)), is_beyond


def extrapolation_factor(value: Number, low: float, high: float) -> Number:
    """Return how many times beyond the measured range a value lies, 1 inside it.

    Examples
    --------
    >>> extrapolation_factor(64, 1, 32), extrapolation_factor(8, 1, 32)
    (2.0, 1.0)
    """
    inside = np.clip(value, low, high)
    return unwrapped(np.maximum(np.asarray(value) / inside, inside / np.asarray(value)))


def widened(log_standard_deviation: Number, *factors: Number) -> Number:
    """Return the spread of an error beyond the measured range: half as much again per doubling.

    Parameters
    ----------
    log_standard_deviation : float or array
        Inside the range. [1]
    *factors : float or array
        From ``extrapolation_factor``; their doublings add up. [1]

    Returns
    -------
    float or array
        [1]

    Examples
    --------
    >>> round(widened(0.2, 2.0), 3), widened(0.2, 1.0)
    (0.3, 0.2)
    """
    doublings = sum(np.log2(np.asarray(factor, dtype=float)) for factor in factors)
    return unwrapped(
        np.asarray(log_standard_deviation) * (1 + WIDENING_PER_DOUBLING * np.asarray(doublings))
    )


def cost_interval(
    cost: Number,
    price: Number,
    low_price: Number,
    high_price: Number,
    log_standard_deviation: Number,
) -> tuple[Number, Number]:
    """Return 80 % of a cost whose price spreads and whose speed has an error.

    The logarithms of both are independent, so their half widths add in quadrature.

    Parameters
    ----------
    cost : float or array
        At the central price. [any]
    price, low_price, high_price : float or array
        Median, 10th and 90th percentile of the prices. [any, the same]
    log_standard_deviation : float or array
        Of the natural logarithm of the speed's error. [1]

    Returns
    -------
    tuple of float or array
        In the unit of the cost.

    Examples
    --------
    >>> [round(bound, 3) for bound in cost_interval(1.0, 2.0, 1.6, 3.0, 0.0)]
    [0.8, 1.5]
    >>> [round(bound, 3) for bound in cost_interval(1.0, 2.0, 1.6, 3.0, 0.2)]
    [0.712, 1.616]
    """
    error = INTERVAL_80_DEVIATIONS * np.asarray(log_standard_deviation)
    below = np.hypot(np.log(np.asarray(price) / low_price), error)
    above = np.hypot(np.log(np.asarray(high_price) / price), error)
    return unwrapped(cost * np.exp(-below)), unwrapped(cost * np.exp(above))
