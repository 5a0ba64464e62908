"""The loop of requests: throughput and latency of a replica whose users send one after another.

Pure arithmetic on floats or arrays. The seconds of a step come from ``roofline``, what fits in
memory from ``room``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cost_engine.serving.first_token import first_token_seconds
from cost_engine.serving.inputs import Chip, Floats, Load, ModelShape, ServingConstants
from cost_engine.serving.roofline import Step, decode_step
from cost_engine.serving.room import sequence_limit
from cost_engine.units import Number, positive, unwrapped

PACE_GRID = 12
"""Batch sizes, evenly spaced in logarithms, between which a pace is searched."""

PACE_ROUNDS = 4
"""Steps of false position after the grid. They meet the pace to about 1e-6."""

LIMITS = ("compute", "bandwidth", "memory", "communication", "overhead")
"""What can bind a serving point, in the order of ``ServingPoint.limit``."""


@dataclass(frozen=True)
class ServingPoint:
    """A replica at work. Throughput in requests and tokens per second, times in seconds.

    The fractions are shares of a step in which memory is read and matrices are multiplied.
    """

    requests_per_second: Number
    tokens_per_second_per_gpu: Number
    output_tokens_per_second: Number
    time_per_output_token_seconds: Number
    time_to_first_token_seconds: Number
    running_sequences: Number
    concurrency_limit: Number
    cycle_seconds: Number
    prefill_seconds: Number
    bandwidth_fraction: Number
    compute_fraction: Number
    limit: Number


def closed_loop(
    constants: ServingConstants, model: ModelShape, chip: Chip, load: Load, concurrency: Number
) -> ServingPoint:
    """Return throughput and latency with ``concurrency`` users, each sending one after another.

    Parameters
    ----------
    constants : ServingConstants
    model : ModelShape
    chip : Chip
    load : Load
    concurrency : float or array
        Users of the replica. Those that do not fit in memory wait. [request]

    Returns
    -------
    ServingPoint
        Where not one request fits, throughput is 0 and times are infinite.

    Notes
    -----
    A request takes ``output_tokens`` steps (fewer with speculation), each of which carries the
    prefill of its successors. Little's law turns the cycle into throughput.

    Examples
    --------
    Llama-3.1-8B in fp8 on an ideal H100: bandwidth-bound with one user.

    >>> from cost_engine.serving.example import H100_FP8, LLAMA_8B, THOUSAND_IN_AND_OUT
    >>> point = closed_loop(ServingConstants({}), LLAMA_8B, H100_FP8, THOUSAND_IN_AND_OUT, 1)
    >>> round(point.output_tokens_per_second), LIMITS[point.limit]
    (411, 'bandwidth')
    """
    users = np.asarray(positive("concurrency", concurrency), dtype=float)
    limit = np.asarray(sequence_limit(constants, model, chip, load))
    fits = limit >= 1
    running = np.maximum(np.minimum(users, limit), 1.0)
    step = decode_step(constants, model, chip, load, running)
    cycle = load.output_tokens / step.accepted_tokens * step.total
    rate = np.where(fits, running / cycle, 0.0)
    prefill = step.prefill_per_request
    waiting = np.where(fits, np.maximum(users - running, 0.0) * cycle / running, np.inf)
    first = first_token_seconds(
        constants,
        load,
        prefill_seconds=prefill,
        running_sequences=running,
        step_seconds=step.total,
        waiting_seconds=waiting,
    )
    per_token = np.where(fits, (cycle - prefill) / load.output_tokens, np.inf)
    binding = binding_limit(step)
    binding = np.where(users > limit, LIMITS.index("memory"), binding)
    return ServingPoint(
        requests_per_second=unwrapped(rate),
        tokens_per_second_per_gpu=unwrapped(
            rate * (load.input_tokens + load.output_tokens) / load.gpu_count
        ),
        output_tokens_per_second=unwrapped(rate * load.output_tokens),
        time_per_output_token_seconds=unwrapped(per_token),
        time_to_first_token_seconds=unwrapped(first),
        running_sequences=unwrapped(np.where(fits, running, 0.0)),
        concurrency_limit=unwrapped(limit),
        cycle_seconds=unwrapped(cycle),
        prefill_seconds=unwrapped(running * prefill),
        bandwidth_fraction=unwrapped((step.weight_read + step.cache) / step.total),
        compute_fraction=unwrapped((step.weight_compute + step.prefill) / step.total),
        limit=unwrapped(binding),
    )


def binding_limit(step: Step) -> Number:
    """Return what takes most of a step, as a place in ``LIMITS``. Memory is not judged here.

    Examples
    --------
    >>> from cost_engine.serving.example import H100_FP8, LLAMA_8B, THOUSAND_IN_AND_OUT
    >>> step = decode_step(ServingConstants({}), LLAMA_8B, H100_FP8, THOUSAND_IN_AND_OUT, 1.0)
    >>> LIMITS[int(binding_limit(step))]
    'bandwidth'
    """
    parts = np.broadcast_arrays(
        step.weight_compute + step.prefill,
        step.weight_read + step.cache,
        step.communication,
        step.overhead,
    )
    names = ("compute", "bandwidth", "communication", "overhead")
    places = np.array([LIMITS.index(name) for name in names])
    return places[np.argmax(np.stack(parts), axis=0)]


def concurrency_at_pace(
    constants: ServingConstants,
    model: ModelShape,
    chip: Chip,
    load: Load,
    seconds_per_output_token: Number,
    most: Number,
    *,
    carries_prefill: bool = True,
) -> Number:
    """Return the largest concurrency at which each user still gets tokens fast enough.

    Parameters
    ----------
    constants : ServingConstants
    model : ModelShape
    chip : Chip
    load : Load
    seconds_per_output_token : float or array
        Slowest pace that is allowed, infinite for batch work, where no user waits. [s / token]
    most : float or array
        Upper bound of the answer. [sequence]
    carries_prefill : bool
        False where other GPUs do the prefill.

    Returns
    -------
    float or array
        0 where even one user alone is slower. [sequence]

    Examples
    --------
    Half the pace of one user alone leaves room for 56.

    >>> from cost_engine.serving.example import H100_FP8, LLAMA_8B, THOUSAND_IN_AND_OUT
    >>> round(concurrency_at_pace(
    ...     ServingConstants({}), LLAMA_8B, H100_FP8, THOUSAND_IN_AND_OUT, 1 / 200, 4096.0))
    56
    """
    limit = np.asarray(sequence_limit(constants, model, chip, load))
    pace = np.asarray(seconds_per_output_token, dtype=float)
    most_sequences = np.maximum(np.minimum(limit, most), 1.0)
    if np.isinf(pace).all():
        return unwrapped(np.where(limit >= 1, most_sequences, 0.0))
    high = np.log(np.broadcast_to(most_sequences, np.broadcast_shapes(limit.shape, pace.shape)))
    target = np.log(pace)

    def log_seconds(log_sequences: Floats) -> Floats:
        step = decode_step(
            constants, model, chip, load, np.exp(log_sequences), carries_prefill=carries_prefill
        )
        own_prefill = step.prefill_per_request / load.output_tokens * carries_prefill
        seconds: Floats = step.total / step.accepted_tokens - own_prefill
        return np.log(seconds)

    grid = np.linspace(0.0, 1.0, PACE_GRID).reshape((-1,) + (1,) * high.ndim) * high
    seconds = log_seconds(grid)
    below = np.clip(np.sum(seconds <= target, axis=0) - 1, 0, PACE_GRID - 2)[None]
    left, right = (np.take_along_axis(grid, below + end, axis=0)[0] for end in (0, 1))
    low, top = (np.take_along_axis(seconds, below + end, axis=0)[0] for end in (0, 1))
    for _ in range(PACE_ROUNDS):
        share = np.clip((target - low) / np.maximum(top - low, 1e-300), 0.0, 1.0)
        middle = left + share * (right - left)
        found = log_seconds(middle)
        is_fast = found <= target
        left, low = np.where(is_fast, middle, left), np.where(is_fast, found, low)
        right, top = np.where(is_fast, right, middle), np.where(is_fast, top, found)
    sequences = np.where(seconds[-1] <= target, most_sequences, np.exp(middle))
    return unwrapped(np.where((limit >= 1) & (seconds[0] <= target), sequences, 0.0))
