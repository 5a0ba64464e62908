"""The answer of ``truecost napkin``: FLOPs, seconds and dollars of a model on the back of a napkin.

Binds a model and a GPU to ``cost_engine.napkin``. Finer answers are those of ``infer`` and
``train``; this one is a check on them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from cost_engine import compute, napkin
from cost_engine.units import BITS_PER_BYTE, HOURS_PER_YEAR, SECONDS_PER_HOUR

BYTES = {"fp32": 4.0, "bf16": 2.0, "fp8": 1.0}
"""Of one weight. [byte]"""
INT2_BITS, SIXTEEN_BITS = 2.0, 16.0
"""Of one weight, quantised further than any chip computes, and as trained. [bit]"""


@dataclass(frozen=True)
class NapkinQuestion:
    """What is asked of a model.

    Attributes
    ----------
    parameters, active_parameters : float
        All, and those that a token passes. [parameter]
    training_tokens : float or None
        None leaves out training. [token]
    request_tokens : float
        Read and written by one request. [token]
    flops_per_second : float
        Dense peak of one GPU. [FLOP / s]
    gpu_count : int
        GPUs of the cluster. [GPU]
    usd_per_gpu_hour : sequence of float
        Low, middle and high price. [USD / (GPU h)]
    utilisation_fraction : float
        Share of the peak. [1]
    sparse_flops_per_second : float or None
        Peak with half of the weights zero, None where the GPU has none. [FLOP / s]
    """

    parameters: float
    active_parameters: float
    training_tokens: float | None
    request_tokens: float
    flops_per_second: float
    gpu_count: int
    usd_per_gpu_hour: Sequence[float]
    utilisation_fraction: float = 1.0
    sparse_flops_per_second: float | None = None


def napkin_rows(question: NapkinQuestion) -> list[dict[str, Any]]:
    """Return the quantities: name, value, low and high end where a price is in it, unit, formula.

    Raises
    ------
    ValueError
        If an amount is not one that can be computed with.
    """
    request = napkin.forward_flops(question.active_parameters, question.request_tokens)
    rows = [
        _row("flops_per_token", napkin.forward_flops(question.active_parameters), "FLOP", "2 P"),
        _row("training_flops_per_token", _training(question, 1.0), "FLOP", "6 P"),
        _row("flops_per_request", request, "FLOP", f"2 n P, n = {question.request_tokens:g}"),
        *(
            _row(f"weights_{name}", size * question.parameters, "byte", f"{size:g} bytes x P")
            for name, size in BYTES.items()
        ),
        _row(
            "request_on_a_cpu_core",
            napkin.seconds_of(request, napkin.CPU_CORE_FLOPS_PER_SECOND) / SECONDS_PER_HOUR,
            "h",
            "3 GHz x 1 FLOP",
        ),
        _row("request_on_one_gpu", _seconds(question, request), "s", "FLOP / peak"),
        _priced(
            question, "usd_per_1k_tokens", napkin.forward_flops(question.active_parameters, 1000.0)
        ),
        _priced(question, "usd_per_request", request),
    ]
    rows += _scenarios(question, request)
    if question.training_tokens is None:
        return rows
    training = _training(question, question.training_tokens)
    seconds = _seconds(question, training)
    years = seconds / SECONDS_PER_HOUR / HOURS_PER_YEAR
    return [
        *rows,
        _row("training_flops", training, "FLOP", f"6 P D, D = {question.training_tokens:g}"),
        _row(
            "training_over_request",
            napkin.training_to_inference_ratio(question.training_tokens, question.request_tokens),
            "1",
            "3 D / n",
        ),
        _row("training_on_one_gpu", years, "year", "FLOP / peak"),
        _row(
            f"training_on_{question.gpu_count}_gpus",
            seconds / question.gpu_count / SECONDS_PER_HOUR / 24,
            "d",
            "the same by the number of GPUs",
        ),
        _priced(question, "training_usd", training),
    ]


def _scenarios(question: NapkinQuestion, request: Any) -> list[dict[str, Any]]:
    """Return what pruning and two-bit weights could give at most; neither is reached here."""
    rows = [
        _row(
            "scenario_int2_weights",
            INT2_BITS / BITS_PER_BYTE * question.parameters,
            "byte",
            "a quarter byte x P",
        ),
        _row(
            "scenario_int2_faster_at_most",
            napkin.quantisation_speed_limit(SIXTEEN_BITS, INT2_BITS),
            "1",
            "16 / 2 bits read; no chip computes in 2",
        ),
    ]
    if question.sparse_flops_per_second is None:
        return rows
    sparse = replace(question, flops_per_second=question.sparse_flops_per_second)
    return [
        *rows,
        _row(
            "scenario_sparse_request_on_one_gpu",
            _seconds(sparse, request),
            "s",
            "FLOP / sparse peak: two of four weights zero",
        ),
        _priced(
            sparse,
            "scenario_sparse_usd_per_1k_tokens",
            napkin.forward_flops(question.active_parameters, 1000.0),
        ),
    ]


def _training(question: NapkinQuestion, tokens: float) -> float:
    return float(compute.training_flops(question.active_parameters, tokens))


def _seconds(question: NapkinQuestion, flops: Any) -> float:
    return float(napkin.seconds_of(flops, question.flops_per_second, question.utilisation_fraction))


def _row(quantity: str, value: Any, unit: str, formula: str) -> dict[str, Any]:
    return {
        "quantity": quantity,
        "value": float(value),
        "low": None,
        "high": None,
        "unit": unit,
        "formula": formula,
    }


def _priced(question: NapkinQuestion, quantity: str, flops: Any) -> dict[str, Any]:
    low, middle, high = (
        float(napkin.usd_of(flops, question.flops_per_second, price, question.utilisation_fraction))
        for price in question.usd_per_gpu_hour
    )
    row = _row(quantity, middle, "USD", "FLOP / peak x price of an hour")
    return row | {"low": low, "high": high}
