"""Separate pools for prefill and decoding on many sets of GPUs: which sizes serve best, how fast.

Pure arithmetic on arrays of one row a set. The loop of one deployment is in ``pools``. Which
models, GPUs and precisions are worth trying is the caller's choice. Money belongs to ``quote``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cost_engine.serving.calibration import Calibration
from cost_engine.serving.inputs import Floats, Load, taken
from cost_engine.serving.loop import concurrency_at_pace
from cost_engine.serving.pools import (
    MOST_PREFILL_UTILISATION,
    Pools,
    answers_per_second,
    pooled_loop,
    pooled_users,
    prompt_seconds,
)
from cost_engine.serving.replicas import GpuSets, Request, Served
from cost_engine.serving.room import sequence_limit

MOST_WORKERS = 8
"""Workers of each pool that are tried. Larger deployments repeat these. [worker]"""

MOST_PREFILL_GPUS = 16
"""Largest worker that does prefill. [GPU]"""

SMALLEST_BATCH = 1.0
"""Batch at which a worker is computed that cannot decode. [sequence]"""

ROUNDING = 1e-9
"""Added before fractions of a sequence are dropped. [sequence]"""

PREFERENCE = 1e-9
"""By how much a GPU less is preferred among deployments that serve alike. [1]"""


@dataclass(frozen=True)
class Deployments:
    """Separate pools, one row each: the set of a worker that decodes, and the workers beside it."""

    decode: GpuSets
    pools: Pools
    is_cache_divided: NDArray[np.bool_]
    batch: Floats  # most sequences of a worker that decodes

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.decode)

    def taken(self, index: NDArray[np.intp]) -> Deployments:
        """Return some of the rows."""
        return taken(self, index)

    @property
    def gpu_count(self) -> Floats:
        """GPUs of both pools. [GPU]."""
        decode = self.decode.gpu_count * self.pools.decode_workers
        return np.asarray(decode + self.pools.prefill_pool_gpus)

    @property
    def sets(self) -> GpuSets:
        """All GPUs of each deployment, as a set that costs money."""
        return replace(self.decode, gpu_count=self.gpu_count)

    def error_log_sd(
        self, request: Request, calibration: Calibration
    ) -> tuple[Floats, NDArray[np.bool_]]:
        """Return the spread of the error, and whether the pools are beyond the measured range."""
        return self.decode.error_log_sd(request, calibration, is_pooled=True)


def planned(
    sets: GpuSets,
    request: Request,
    tokens_per_second_per_user: float,
    calibration: Calibration,
    most_gpus: Floats,
) -> Deployments:
    """Return the best numbers of workers for each pair of worker sizes.

    The workers that decode run the largest batch that fits and keeps the pace. A pool serves no
    more than its workers can, so ``min(decode_workers x answers, prefill_workers x prompts)`` over
    all GPUs decides, with the workers that do prefill busy for at most
    ``MOST_PREFILL_UTILISATION``.

    Parameters
    ----------
    sets : GpuSets
        Workers of every size, for either pool.
    request : Request
    tokens_per_second_per_user : float
        Lowest pace of a user, 0 for batch work, where no user waits. [token / s]
    calibration : Calibration
    most_gpus : array
        Of a deployment, for each set. [GPU]

    Returns
    -------
    Deployments
        One row for each model, GPU, precision and pair of sizes that has room and keeps the pace.
    """
    both = np.concatenate([np.arange(len(sets)), np.flatnonzero(sets.shape.is_mixture_of_experts)])
    workers, most = sets.taken(both), most_gpus[both]
    is_divided = np.arange(len(both)) >= len(sets)
    load = workers.load(request, is_cache_divided=is_divided)
    constants, shape, chip = calibration.constants, workers.shape, workers.chip
    prompts = 1 / np.asarray(
        prompt_seconds(constants, shape, chip, load, workers.gpu_count, is_divided)
    )
    batch = _batches(workers, load, tokens_per_second_per_user, calibration)
    answers = np.asarray(
        answers_per_second(constants, shape, chip, load, np.maximum(batch, SMALLEST_BATCH))
    )
    holds_prompt = np.asarray(sequence_limit(constants, shape, chip, load)) >= 1
    prefills = np.flatnonzero(holds_prompt & (workers.gpu_count <= MOST_PREFILL_GPUS))
    decodes = np.flatnonzero((batch >= 1) & ~(is_divided & (workers.gpu_count == 1)))
    key = 2 * workers.format_key + is_divided
    pair = np.nonzero(key[decodes][:, None] == key[prefills][None, :])
    decode, prefill = decodes[pair[0]], prefills[pair[1]]

    counts = np.indices((MOST_WORKERS, MOST_WORKERS)).reshape(2, 1, -1) + 1.0
    prefill_workers, decode_workers = counts
    rate = np.minimum(
        decode_workers * answers[decode, None],
        prefill_workers * prompts[prefill, None] * MOST_PREFILL_UTILISATION,
    )
    gpus = (
        decode_workers * workers.gpu_count[decode, None]
        + prefill_workers * workers.gpu_count[prefill, None]
    )
    worth = np.where(gpus <= most[decode, None], rate / gpus * (1 - PREFERENCE * gpus), 0.0)
    best = np.argmax(worth, axis=1)
    row = np.flatnonzero(worth[np.arange(len(best)), best] > 0)
    decode, prefill, best = decode[row], prefill[row], best[row]
    return Deployments(
        decode=workers.taken(decode),
        pools=Pools(
            prefill_gpus=workers.gpu_count[prefill],
            prefill_workers=prefill_workers[0, best],
            decode_workers=decode_workers[0, best],
            prefill_link_bandwidth_bytes_per_second=(chip.link_bandwidth_bytes_per_second[prefill]),
        ),
        is_cache_divided=is_divided[decode],
        batch=batch[decode],
    )


def _batches(workers: GpuSets, load: Load, pace: float, calibration: Calibration) -> Floats:
    """Return the most sequences of each worker that decodes, 0 where it is too slow or small."""
    constants = calibration.constants
    speed = workers.speed_factor(calibration) * constants["decode_pool_efficiency"]
    most = constants["batch_limit"] * np.where(load.is_cache_divided, workers.gpu_count, 1.0)
    seconds = speed / pace if pace > 0 else np.full(len(workers), np.inf)
    found = concurrency_at_pace(
        constants, workers.shape, workers.chip, load, seconds, most, carries_prefill=False
    )
    return np.floor(np.asarray(found) + ROUNDING)


def pooled(deployments: Deployments, request: Request, calibration: Calibration) -> Served:
    """Return how deployments serve requests when they are full.

    Parameters
    ----------
    deployments : Deployments
    request : Request
    calibration : Calibration

    Returns
    -------
    Served
        The concurrency is that of the whole deployment.
    """
    sets, pools, constants = deployments.decode, deployments.pools, calibration.constants
    factor = sets.speed_factor(calibration)
    load = sets.load(request, is_cache_divided=deployments.is_cache_divided)
    full = pooled_users(constants, sets.shape, sets.chip, load, pools, deployments.batch)
    point = pooled_loop(constants, sets.shape, sets.chip, load, pools, full)
    rate = np.asarray(point.requests_per_second) * factor
    return Served(
        concurrency=np.maximum(np.floor(np.asarray(full) + ROUNDING), 1.0),
        concurrency_limit=np.asarray(point.concurrency_limit),
        requests_per_second=rate,
        tokens_per_second_per_gpu=rate * request.tokens / deployments.gpu_count,
        tokens_per_second_per_user=factor / np.asarray(point.time_per_output_token_seconds),
        time_to_first_token_seconds=np.asarray(point.time_to_first_token_seconds)
        / factor
        / constants.factor("first_token_model", sets.model),
        prefill_fraction=np.asarray(pools.prefill_pool_gpus) / deployments.gpu_count,
        limit=np.asarray(point.limit),
        is_cache_divided=deployments.is_cache_divided,
    )


def single_user_pace(workers: GpuSets, request: Request, calibration: Calibration) -> Floats:
    """Return the pace on each worker that decodes for one user alone [token / s]."""
    load = workers.load(request)
    alone = answers_per_second(calibration.constants, workers.shape, workers.chip, load, 1.0)
    pace: Floats = workers.speed_factor(calibration) * np.asarray(alone) * request.output_tokens
    return pace
