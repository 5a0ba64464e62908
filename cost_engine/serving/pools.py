"""Separate pools of GPUs for prefill and decoding: what they serve, and how many users fill them.

Pure arithmetic on floats or arrays. The seconds of a step come from ``roofline``, what fits in
memory from ``room``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cost_engine.serving.first_token import pooled_first_token_seconds
from cost_engine.serving.fixed_point import bisected_batch
from cost_engine.serving.inputs import Chip, Floats, Load, ModelShape, ServingConstants
from cost_engine.serving.loop import LIMITS, binding_limit
from cost_engine.serving.roofline import decode_step
from cost_engine.serving.room import sequence_cache_bytes, sequence_limit
from cost_engine.units import Number, positive, unwrapped

MOST_PREFILL_UTILISATION = 0.9
"""Share of the time for which workers that do prefill are busy at most, where pools are planned. A
prompt then finds 2.3 at its worker. An assumption. [1]"""

NEARLY = 0.999
"""Share of a bound from which it counts as reached. [1]"""


@dataclass(frozen=True)
class Pools:
    """Workers beside those that decode. Every field is a float or an array."""

    prefill_gpus: Number  # of one worker
    prefill_workers: Number
    decode_workers: Number
    prefill_link_bandwidth_bytes_per_second: Number | None = None  # that of the chip if None
    is_prefill_divided: Number = False  # data-parallel attention in prefill

    @property
    def prefill_pool_gpus(self) -> Number:
        """GPUs of all workers that do prefill. [GPU]."""
        return np.asarray(self.prefill_gpus) * self.prefill_workers


@dataclass(frozen=True)
class PooledPoint:
    """Two pools at work. Throughput in requests per second, times in seconds."""

    requests_per_second: Number
    time_per_output_token_seconds: Number
    time_to_first_token_seconds: Number
    running_sequences: Number  # in the batch of one worker that decodes
    concurrency_limit: Number  # of all workers that decode
    prefill_utilisation_fraction: Number
    bandwidth_fraction: Number
    compute_fraction: Number
    limit: Number


def prompt_seconds(
    constants: ServingConstants,
    model: ModelShape,
    chip: Chip,
    load: Load,
    prefill_gpus: Number,
    is_divided: Number = False,
) -> Number:
    """Return how long a worker that does nothing but prefill takes for one prompt.

    Parameters
    ----------
    constants : ServingConstants
    model : ModelShape
    chip : Chip
    load : Load
    prefill_gpus : float or array
        Of the worker. [GPU]
    is_divided : bool or array
        Whether its attention is data-parallel.

    Returns
    -------
    float or array
        [s]

    Examples
    --------
    2 x 8e9 x 1,000 FLOPs at 1,979 TFLOP/s, the weights read once, and attention.

    >>> from cost_engine.serving.example import H100_FP8, LLAMA_8B, THOUSAND_IN_AND_OUT
    >>> ideal = ServingConstants({})
    >>> round(1e3 * float(prompt_seconds(ideal, LLAMA_8B, H100_FP8, THOUSAND_IN_AND_OUT, 1.0)), 2)
    9.52
    """
    worker = replace(load, gpu_count=prefill_gpus, is_cache_divided=is_divided)
    alone = decode_step(constants, model, chip, worker, 1.0)
    speed = constants["prefill_pool_efficiency"] * constants.factor("prefill_pool", load.engine)
    return np.asarray(alone.prefill_per_request) / speed


def answers_per_second(
    constants: ServingConstants, model: ModelShape, chip: Chip, load: Load, batch: Number
) -> Number:
    """Return the requests that a worker completes which does nothing but decode [1 / s].

    Examples
    --------
    >>> from cost_engine.serving.example import H100_FP8, LLAMA_8B, THOUSAND_IN_AND_OUT
    >>> ideal = ServingConstants({})
    >>> round(float(answers_per_second(ideal, LLAMA_8B, H100_FP8, THOUSAND_IN_AND_OUT, 1.0)), 3)
    0.412
    """
    step = decode_step(constants, model, chip, load, batch, carries_prefill=False)
    seconds = np.asarray(step.total) / constants["decode_pool_efficiency"]
    return np.asarray(batch) * step.accepted_tokens / (load.output_tokens * seconds)


def pooled_users(
    constants: ServingConstants,
    model: ModelShape,
    chip: Chip,
    load: Load,
    pools: Pools,
    batch: Number,
) -> Number:
    """Return with how many users the pools are full, neither of them beyond what it can do.

    Parameters
    ----------
    constants : ServingConstants
    model : ModelShape
    chip : Chip
    load : Load
        Of one worker that decodes.
    pools : Pools
    batch : float or array
        Most sequences of one worker that decodes. [sequence]

    Returns
    -------
    float or array
        Those in the batches and those in prefill, whose workers are busy for at most
        ``MOST_PREFILL_UTILISATION`` of the time. [request]

    Examples
    --------
    With batches of 64, the only worker that does prefill is busy for little of its time.

    >>> from cost_engine.serving.example import H100_FP8, LLAMA_8B, THOUSAND_IN_AND_OUT
    >>> pools = Pools(prefill_gpus=1.0, prefill_workers=1.0, decode_workers=1.0)
    >>> round(float(pooled_users(
    ...     ServingConstants({}), LLAMA_8B, H100_FP8, THOUSAND_IN_AND_OUT, pools, 64.0)), 2)
    64.14
    """
    at_prefill = _prefill_chip(chip, pools)
    prompt = prompt_seconds(
        constants, model, at_prefill, load, pools.prefill_gpus, pools.is_prefill_divided
    )
    most_rate = MOST_PREFILL_UTILISATION * pools.prefill_workers / prompt

    def is_below(batch: Floats) -> NDArray[np.bool_]:
        rate = answers_per_second(constants, model, chip, load, batch)
        return np.asarray(pools.decode_workers * rate < most_rate)

    balanced = bisected_batch(is_below, np.asarray(batch, dtype=float))
    rate = pools.decode_workers * answers_per_second(constants, model, chip, load, balanced)
    busy = np.minimum(rate * prompt / pools.prefill_workers, MOST_PREFILL_UTILISATION)
    return unwrapped(pools.decode_workers * balanced - pools.prefill_workers * np.log1p(-busy))


def _prefill_chip(chip: Chip, pools: Pools) -> Chip:
    link = pools.prefill_link_bandwidth_bytes_per_second
    return chip if link is None else replace(chip, link_bandwidth_bytes_per_second=link)


def pooled_loop(
    constants: ServingConstants,
    model: ModelShape,
    chip: Chip,
    load: Load,
    pools: Pools,
    concurrency: Number,
) -> PooledPoint:
    """Return throughput and latency of two pools with users that send one request after another.

    Parameters
    ----------
    constants : ServingConstants
    model : ModelShape
    chip : Chip
    load : Load
        Of one worker that decodes.
    pools : Pools
    concurrency : float or array
        Users of the whole deployment. [request]

    Returns
    -------
    PooledPoint
        Where not one request fits, throughput is 0 and times are infinite.

    Notes
    -----
    A user is in prefill or in decoding. Both pools serve the same rate, which decides how many
    are where: ``decode_workers b / (steps x step(b)) = prefill_workers (1 - exp(-p)) / prefill``
    with b sequences in each batch and p requests at each worker that does prefill. The cache of a
    prompt crosses the link of one GPU.

    Examples
    --------
    >>> from cost_engine.serving.example import H100_FP8, LLAMA_8B, THOUSAND_IN_AND_OUT
    >>> pools = Pools(prefill_gpus=1.0, prefill_workers=1.0, decode_workers=1.0)
    >>> point = pooled_loop(
    ...     ServingConstants({}), LLAMA_8B, H100_FP8, THOUSAND_IN_AND_OUT, pools, 64.0)
    >>> round(float(point.requests_per_second), 1)
    13.4
    """
    users = np.asarray(positive("concurrency", concurrency), dtype=float)
    at_prefill = _prefill_chip(chip, pools)
    prefill = prompt_seconds(
        constants, model, at_prefill, load, pools.prefill_gpus, pools.is_prefill_divided
    )
    limit = np.asarray(sequence_limit(constants, model, chip, load))

    def is_short(batch: Floats) -> NDArray[np.bool_]:
        decoded = pools.decode_workers * answers_per_second(constants, model, chip, load, batch)
        waiting = np.maximum(users - pools.decode_workers * batch, 0.0) / pools.prefill_workers
        return np.asarray(decoded < pools.prefill_workers / prefill * -np.expm1(-waiting))

    batch = bisected_batch(is_short, np.minimum(users / pools.decode_workers, limit))
    step = decode_step(constants, model, chip, load, batch, carries_prefill=False)
    seconds = np.asarray(step.total) / constants["decode_pool_efficiency"]
    steps = load.output_tokens / np.asarray(step.accepted_tokens)
    rate = pools.decode_workers * batch / (steps * seconds)
    transfer = sequence_cache_bytes(model, load.input_tokens, load.bytes_per_kv_value) / np.asarray(
        chip.link_bandwidth_bytes_per_second
    )
    fits = limit >= 1
    busy = rate * prefill / pools.prefill_workers
    decode_gpus = pools.decode_workers * np.asarray(load.gpu_count)
    decoding = decode_gpus / (decode_gpus + pools.prefill_pool_gpus)
    is_full = batch >= np.floor(limit) * NEARLY
    is_prefill_bound = ~is_full & (busy >= MOST_PREFILL_UTILISATION * NEARLY)
    first = pooled_first_token_seconds(
        constants,
        load,
        prefill_seconds=prefill,
        waiting_prompts=np.maximum(users - pools.decode_workers * batch, 0.0)
        / pools.prefill_workers,
        users_per_worker=users / pools.prefill_workers,
        transfer_seconds=transfer,
        step_seconds=seconds,
    )
    return PooledPoint(
        requests_per_second=unwrapped(np.where(fits, rate, 0.0)),
        time_per_output_token_seconds=unwrapped(
            np.where(fits, seconds * steps / load.output_tokens, np.inf)
        ),
        time_to_first_token_seconds=unwrapped(np.where(fits, first, np.inf)),
        running_sequences=unwrapped(batch),
        concurrency_limit=unwrapped(pools.decode_workers * limit),
        prefill_utilisation_fraction=unwrapped(busy),
        bandwidth_fraction=unwrapped(decoding * (step.weight_read + step.cache) / step.total),
        compute_fraction=unwrapped(
            decoding * step.weight_compute / step.total + (1 - decoding) * busy
        ),
        limit=unwrapped(
            np.select(
                [is_full, is_prefill_bound],
                [LIMITS.index("memory"), LIMITS.index("compute")],
                binding_limit(step),
            )
        ),
    )
