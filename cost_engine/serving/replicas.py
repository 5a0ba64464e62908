"""Many models on many sets of GPUs at once: which hold a request, and how fast each serves it.

Pure arithmetic on arrays of one row a set. Which models, GPUs and precisions are worth trying, and
their figures, come in from the caller; prices belong to ``quote``.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cost_engine import memory
from cost_engine.serving import calibration as errors
from cost_engine.serving.calibration import Calibration
from cost_engine.serving.inputs import Chip, Floats, Labels, Load, ModelShape, taken
from cost_engine.serving.loop import LIMITS, closed_loop, concurrency_at_pace
from cost_engine.serving.room import sequence_cache_bytes, sequence_limit
from cost_engine.serving.weights import stored_weights
from cost_engine.units import Number

ENGINE = "typical"
"""No engine of the fit: the mean of those that were measured."""


@dataclass(frozen=True)
class Request:
    """The lengths of one request, the same for every set."""

    input_tokens: float
    output_tokens: float

    @property
    def tokens(self) -> float:
        """Prompt and answer together. [token]."""
        return self.input_tokens + self.output_tokens


@dataclass(frozen=True)
class GpuSets:
    """Models on sets of GPUs at a precision, one row each."""

    model: Labels
    gpu: Labels
    precision: Labels
    gpu_count: Floats
    shape: ModelShape
    chip: Chip
    facility_watts: Floats

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.gpu_count)

    def taken(self, index: NDArray[np.intp]) -> GpuSets:
        """Return some of the rows."""
        return taken(self, index)

    @property
    def can_divide_cache(self) -> NDArray[np.bool_]:
        """Sets on which attention may run data-parallel: mixtures of experts on several GPUs."""
        possible: NDArray[np.bool_] = self.shape.is_mixture_of_experts & (self.gpu_count > 1)
        return possible

    @property
    def format_key(self) -> NDArray[np.intp]:
        """One number for each combination of model, GPU and precision."""
        of_gpu = self.model.codes * len(self.gpu.names) + self.gpu.codes
        return of_gpu * len(self.precision.names) + self.precision.codes

    def load(self, request: Request, is_cache_divided: Number = False) -> Load:
        """Return a request on these sets, served by a typical engine."""
        typical = Labels((ENGINE,), np.zeros(len(self), dtype=np.intp))
        return Load(
            input_tokens=request.input_tokens,
            output_tokens=request.output_tokens,
            bytes_per_kv_value=memory.bytes_per_kv_value(self.chip.weight_bits),
            engine=typical,
            engine_path=typical,
            gpu_count=self.gpu_count,
            is_cache_divided=is_cache_divided,
        )

    def weight_bytes(self) -> Floats:
        """Return the weights of one replica [byte]."""
        return np.asarray(stored_weights(self.shape, self.chip).total_bytes)

    def memory_bytes(self) -> Floats:
        """Return the memory of all GPUs of one replica [byte]."""
        return np.asarray(self.chip.memory_bytes * self.gpu_count)

    def cache_bytes(self, tokens: float) -> Floats:
        """Return the KV cache of one sequence of that many tokens [byte]."""
        per_value = memory.bytes_per_kv_value(self.chip.weight_bits)
        return np.asarray(sequence_cache_bytes(self.shape, tokens, per_value))

    def speed_factor(self, calibration: Calibration) -> Floats:
        """Return the shrunken speed factors of what was measured, 1 for everything else [1]."""
        constants = calibration.constants
        fitted = errors.speed_factor(constants, self.model, self.chip.path)
        return fitted * errors.own_factor(constants, self.model, self.gpu)

    def error_log_sd(
        self, request: Request, calibration: Calibration, *, is_pooled: bool = False
    ) -> tuple[Floats, NDArray[np.bool_]]:
        """Return the spread of the error, and whether the set is beyond the measured range."""
        return errors.error_log_sd(
            calibration,
            self.model,
            self.gpu,
            gpu_count=self.gpu_count,
            input_tokens=request.input_tokens,
            output_tokens=request.output_tokens,
            parameters=self.shape.parameters,
            is_pooled=is_pooled,
        )


@dataclass(frozen=True)
class Served:
    """Sets that serve requests at a pace, as arrays. Speeds include the shrunken factors."""

    concurrency: Floats
    concurrency_limit: Floats
    requests_per_second: Floats
    tokens_per_second_per_gpu: Floats
    tokens_per_second_per_user: Floats
    time_to_first_token_seconds: Floats
    prefill_fraction: Floats
    limit: NDArray[np.intp]
    is_cache_divided: NDArray[np.bool_]


def sequence_limits(sets: GpuSets, request: Request, calibration: Calibration) -> Floats:
    """Return how many sequences fit on each set, with the cache divided where it may be.

    Returns
    -------
    array of float
        Below 1 where not even one request fits. [sequence]
    """
    constants = calibration.constants
    joint = np.asarray(sequence_limit(constants, sets.shape, sets.chip, sets.load(request)))
    divided = np.asarray(
        sequence_limit(constants, sets.shape, sets.chip, sets.load(request, is_cache_divided=True))
    )
    return np.where(sets.can_divide_cache, np.maximum(joint, divided), joint)


def with_room(
    sets: GpuSets, request: Request, calibration: Calibration, second_node: int
) -> GpuSets:
    """Return the sets on which at least one request fits.

    Parameters
    ----------
    sets : GpuSets
    request : Request
    calibration : Calibration
    second_node : int
        Sets of this size and more span two machines. They are kept only where no smaller set of
        the same model, GPU and precision has room. [GPU]

    Returns
    -------
    GpuSets
    """
    fits = sequence_limits(sets, request, calibration) >= 1
    keys = sets.format_key
    is_one_node = sets.gpu_count < second_node
    on_one_node = np.unique(keys[fits & is_one_node])
    return sets.taken(np.flatnonzero(fits & (is_one_node | ~np.isin(keys, on_one_node))))


def smallest_sets(sets: GpuSets, limits: Floats, sequences: float) -> NDArray[np.intp]:
    """Return the first set of each model, GPU and precision that holds enough sequences.

    Parameters
    ----------
    sets : GpuSets
        With the sizes of each model, GPU and precision in ascending order.
    limits : array
        From ``sequence_limits``. [sequence]
    sequences : float
        Sequences that must fit at once. [sequence]

    Returns
    -------
    array of int
        Places of the rows, in their order.
    """
    enough = np.flatnonzero(limits >= sequences)
    _, first = np.unique(sets.format_key[enough], return_index=True)
    return enough[np.sort(first)]


def served(
    sets: GpuSets,
    request: Request,
    tokens_per_second_per_user: float,
    calibration: Calibration,
) -> Served:
    """Return how each set serves requests at a pace, with the cache joint or divided.

    Parameters
    ----------
    sets : GpuSets
    request : Request
    tokens_per_second_per_user : float
        Lowest pace of a user, 0 for batch work, where no user waits. [token / s]
    calibration : Calibration

    Returns
    -------
    Served
        Sets that do not fit or are too slow have a concurrency below 1.
    """
    factor = sets.speed_factor(calibration)
    pace = (
        factor / tokens_per_second_per_user
        if tokens_per_second_per_user > 0
        else np.full(len(factor), np.inf)
    )
    most = calibration.constants["batch_limit"]
    joint = _served(sets, sets.load(request), pace, most, factor, calibration)
    can_divide = np.flatnonzero(sets.can_divide_cache)
    if len(can_divide) == 0:
        return joint
    some = sets.taken(can_divide)
    divided = _served(
        some,
        some.load(request, is_cache_divided=True),
        pace[can_divide],
        most * some.gpu_count,
        factor[can_divide],
        calibration,
    )
    is_better = divided.requests_per_second > joint.requests_per_second[can_divide]
    merged = {}
    for part in fields(Served):
        values = np.array(getattr(joint, part.name))
        values[can_divide] = np.where(is_better, getattr(divided, part.name), values[can_divide])
        merged[part.name] = values
    return Served(**merged)


def _served(
    sets: GpuSets, load: Load, pace: Floats, most: Any, factor: Floats, calibration: Calibration
) -> Served:
    constants = calibration.constants
    users = np.asarray(concurrency_at_pace(constants, sets.shape, sets.chip, load, pace, most))
    users = np.where(users >= 1, np.maximum(np.floor(users + 1e-9), 1.0), 0.0)
    point = closed_loop(constants, sets.shape, sets.chip, load, np.maximum(users, 1.0))
    full = np.asarray(point.concurrency_limit)
    works = np.where(users >= 1, 1.0, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return Served(
            concurrency=users,
            concurrency_limit=full,
            requests_per_second=np.asarray(point.requests_per_second) * factor * works,
            tokens_per_second_per_gpu=np.asarray(point.tokens_per_second_per_gpu) * factor * works,
            tokens_per_second_per_user=factor / np.asarray(point.time_per_output_token_seconds),
            time_to_first_token_seconds=np.asarray(point.time_to_first_token_seconds)
            / factor
            / constants.factor("first_token_model", sets.model),
            prefill_fraction=np.asarray(
                usable_prefill_fraction(point.prefill_seconds, point.cycle_seconds)
            ),
            limit=np.where(users >= np.floor(full), LIMITS.index("memory"), point.limit),
            is_cache_divided=np.broadcast_to(load.is_cache_divided, users.shape),
        )


def single_user_pace(sets: GpuSets, request: Request, calibration: Calibration) -> Floats:
    """Return the pace on each set with one user alone: the fastest that it can give [token / s]."""
    alone = closed_loop(calibration.constants, sets.shape, sets.chip, sets.load(request), 1.0)
    pace: Floats = sets.speed_factor(calibration) / np.asarray(alone.time_per_output_token_seconds)
    return pace


def usable_prefill_fraction(prefill_seconds: Number, cycle_seconds: Number) -> Number:
    """Return the share of a replica's cycle that prompts take, between 0 and 1.

    Examples
    --------
    >>> float(usable_prefill_fraction(2.0, 8.0))
    0.25
    """
    return np.clip(np.asarray(prefill_seconds) / np.asarray(cycle_seconds), 0.0, 1.0)
