"""What the serving equations take: the model, the chip, the load and the fitted constants.

Plain records of floats or arrays that broadcast. The equations are in ``roofline`` and ``loop``;
the values of the constants, and the file they are read from, belong to the caller.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from cost_engine.units import Number

Floats = NDArray[np.float64]
Record = TypeVar("Record")


@dataclass(frozen=True)
class Labels:
    """A column of names, coded once: ``names[codes]`` is the name of each row."""

    names: tuple[str, ...]
    codes: NDArray[np.intp]

    @classmethod
    def of(cls, values: Number) -> Labels:
        """Code a sequence of names.

        Examples
        --------
        >>> Labels.of(["hopper", "ada", "hopper"]).codes
        array([1, 0, 1])
        """
        names, codes = np.unique(np.asarray(values, dtype=str), return_inverse=True)
        return cls(tuple(str(name) for name in names), codes.reshape(np.shape(values)))

    @property
    def values(self) -> NDArray[np.str_]:
        """The name of every row.

        Examples
        --------
        >>> Labels.of(["hopper", "ada"]).values.tolist()
        ['hopper', 'ada']
        """
        names: NDArray[np.str_] = np.array(self.names)[self.codes]
        return names

    def reshaped(self, shape: tuple[int, ...]) -> Labels:
        """Return the same rows in another shape."""
        return replace(self, codes=self.codes.reshape(shape))

    def taken(self, index: NDArray[np.intp]) -> Labels:
        """Return some of the rows."""
        return replace(self, codes=self.codes[index])


def taken(record: Record, index: NDArray[np.intp]) -> Record:
    """Return some of the rows of a record of arrays; fields that are no arrays stay as they are.

    Examples
    --------
    >>> load = Load(input_tokens=np.array([1.0, 2.0]), output_tokens=8.0, bytes_per_kv_value=1.0,
    ...     engine=Labels.of(["vllm", "sglang"]), engine_path=Labels.of(["a", "b"]), gpu_count=1)
    >>> second = taken(load, np.array([1]))
    >>> second.input_tokens, second.engine.values.tolist(), second.output_tokens
    (array([2.]), ['sglang'], 8.0)
    """
    return cast("Record", _mapped(record, lambda labels: labels.taken(index), lambda a: a[index]))


def deepened(record: Record, axes: int) -> Record:
    """Return a record of arrays with further axes of length 1, to broadcast against options."""
    return cast(
        "Record",
        _mapped(
            record,
            lambda labels: labels.reshaped(labels.codes.shape + (1,) * axes),
            lambda array: array.reshape(array.shape + (1,) * axes),
        ),
    )


def _mapped(subject: Any, of_labels: Any, of_array: Any) -> Any:
    if isinstance(subject, Labels):
        return of_labels(subject)
    if isinstance(subject, np.ndarray):
        return of_array(subject)
    if is_dataclass(subject) and not isinstance(subject, type):
        changes = {
            field.name: _mapped(getattr(subject, field.name), of_labels, of_array)
            for field in fields(subject)
        }
        return replace(subject, **changes)
    return subject


@dataclass(frozen=True)
class ServingConstants:
    """Fitted constants by name. An entry of a table is named ``table.key``.

    ``ServingConstants({})`` is the ideal machine: every efficiency is 1 and there is no overhead.
    """

    values: Mapping[str, float]

    def __getitem__(self, name: str) -> float:
        """Return a constant, or its value on the ideal machine."""
        return self.values.get(name, IDEAL[name])

    def factor(self, table: str, labels: Labels) -> Floats:
        """Return the table's entry for every row, or 1 for a name that was never measured.

        Examples
        --------
        >>> constants = ServingConstants({"gpu_speed.h100": 1.1})
        >>> constants.factor("gpu_speed", Labels.of(["h100", "l4"]))
        array([1.1, 1. ])
        """
        entries = [self.values.get(f"{table}.{name}", 1.0) for name in labels.names]
        result: Floats = np.array(entries)[labels.codes]
        return result

    def has(self, table: str, labels: Labels) -> NDArray[np.bool_]:
        """Return whether the table has an entry for each row.

        Examples
        --------
        >>> ServingConstants({"gpu_speed.h100": 1.1}).has("gpu_speed", Labels.of(["h100", "l4"]))
        array([ True, False])
        """
        flags: NDArray[np.bool_] = np.array(
            [f"{table}.{name}" in self.values for name in labels.names]
        )[labels.codes]
        return flags


IDEAL: Mapping[str, float] = {
    "memory_efficiency": 1.0,
    "cache_read_efficiency": 1.0,
    "expert_memory_efficiency": 1.0,
    "compute_efficiency_16_bit": 1.0,
    "compute_efficiency_8_bit": 1.0,
    "compute_efficiency_4_bit": 1.0,
    "weight_only_efficiency": 1.0,
    "expert_compute_efficiency": 1.0,
    "decode_attention_efficiency": 1.0,
    "prefill_attention_efficiency": 1.0,
    "narrow_shard_penalty": 0.0,
    "read_efficiency_8_bit": 1.0,
    "read_efficiency_4_bit": 1.0,
    "expert_tile_tokens": 0.0,
    "prefill_compute_factor": 1.0,
    "overlap_exponent": 1.0,
    "layer_overhead_seconds": 0.0,
    "prefill_layer_seconds": 0.0,
    "expert_layer_overhead": 0.0,
    "latent_layer_overhead": 0.0,
    "amd_overhead_factor": 1.0,
    "overhead_decline_per_year": 1.0,
    "step_overhead_seconds": 0.0,
    "sequence_overhead_seconds": 0.0,
    "host_sequence_seconds": 0.0,
    "hop_seconds": 0.0,
    "hop_exponent": 1.0,
    "link_efficiency": 1.0,
    "pcie_link_efficiency": 1.0,
    "pcie_fabric_exponent": 0.0,
    "dispatch_factor": 0.5,
    "pipeline_efficiency": 1.0,
    "usable_memory_fraction": 1.0,
    "workspace_bytes": 0.0,
    "expert_workspace_bytes": 0.0,
    "output_reservation_fraction": 1.0,
    "batch_limit": 2048.0,
    "draft_acceptance": 0.7,
    "first_token_factor": 1.0,
    "first_token_exponent": 0.0,
    "first_token_start_seconds": 0.0,
    "first_token_steps": 1.0,
    "waiting_factor": 1.0,
    "divided_prefill": 0.0,
    "pooled_start_seconds": 0.0,
    "pooled_queue_factor": 1.0,
    "pooled_queue_exponent": 1.0,
    "pooled_group_fraction": 0.0,
    "prefill_pool_efficiency": 1.0,
    "decode_pool_efficiency": 1.0,
    "speed_growth_per_year": 1.0,
    "power_base": 0.3,
    "power_bandwidth": 0.4,
    "power_compute": 0.6,
}
"""The constants of the model and what they are on a machine that wastes nothing."""


@dataclass(frozen=True, kw_only=True)
class ModelShape:
    """What the equations need of a model. Every field is a float or an array.

    ``vocabulary_parameters`` are those of the output head, and of the input embedding again unless
    ``ties_embeddings``. ``four_bit_overhead`` is the storage of its own 4-bit weights over 4 bits,
    0 where it has none. ``latent_dimension`` is 0 unless the cache is compressed (MLA: 576 in
    DeepSeek-V3).
    ``sparse_attention_tokens`` is infinite unless decoding reads only that many tokens.
    """

    parameters: Number
    active_parameters: Number
    layers: Number
    hidden_size: Number
    attention_heads: Number
    kv_heads: Number
    head_dimension: Number
    full_attention_layers: Number
    routed_expert_parameters: Number = 0.0
    experts: Number = 1.0
    experts_per_token: Number = 1.0
    vocabulary_parameters: Number = 0.0
    ties_embeddings: Number = False
    four_bit_overhead: Number = 0.0
    sliding_layers: Number = 0.0
    sliding_window_tokens: Number = 0.0
    latent_dimension: Number = 0.0
    sparse_attention_tokens: Number = np.inf
    index_bytes_per_token_layer: Number = 0.0

    @property
    def is_mixture_of_experts(self) -> Number:
        """Whether only some experts compute each token."""
        return np.asarray(self.experts) > 1

    @property
    def embedding_parameters(self) -> Number:
        """Input embedding apart from the output head. [parameter]."""
        return np.where(self.ties_embeddings, 0.0, self.vocabulary_parameters)


@dataclass(frozen=True, kw_only=True)
class Chip:
    """What the equations need of a GPU, at the precision of the weights.

    ``flops_per_second`` is the dense peak at the precision in which matrices are multiplied,
    ``flops_per_second_16_bit`` the peak that attention uses. ``weight_bits`` is 16, 8 or 4.
    ``is_weight_only`` marks weights that are stored in fewer bits than they are multiplied in,
    ``path`` names architecture and precision, as ``hopper/fp8``.
    """

    memory_bytes: Number
    bandwidth_bytes_per_second: Number
    link_bandwidth_bytes_per_second: Number
    flops_per_second: Number
    flops_per_second_16_bit: Number
    bytes_per_weight: Number
    weight_bits: Number
    is_weight_only: Number
    is_pcie: Number
    is_amd: Number
    architecture: Labels
    path: Labels


@dataclass(frozen=True, kw_only=True)
class Load:
    """The requests and how they are served.

    ``engine_path`` names engine and architecture, as ``vllm/hopper``. ``years`` counts from the
    software that the constants describe. ``is_cache_divided`` means that
    attention is data-parallel: every GPU keeps the cache of its own sequences.
    """

    input_tokens: Number
    output_tokens: Number
    bytes_per_kv_value: Number
    engine: Labels
    engine_path: Labels
    gpu_count: Number
    is_pipeline: Number = False
    is_cache_divided: Number = False
    is_speculative: Number = False
    years: Number = 0.0

    @property
    def tensor_gpus(self) -> Number:
        """GPUs among which each layer is divided: one where the layers form a pipeline. [GPU]."""
        return np.where(self.is_pipeline, 1.0, np.asarray(self.gpu_count, dtype=float))

    @property
    def attention_gpus(self) -> Number:
        """GPUs among which attention and all weights but the experts are divided. [GPU]."""
        return np.where(self.is_cache_divided, 1.0, self.tensor_gpus)
