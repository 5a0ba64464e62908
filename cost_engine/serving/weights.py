"""The weights in one decoding step: read once, multiplied with every token of the batch.

Pure arithmetic on floats or arrays that broadcast. Attention belongs to ``attention``, the sum of
all parts to ``roofline``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cost_engine.serving.inputs import Chip, Load, ModelShape, ServingConstants
from cost_engine.units import Number, unwrapped

NARROW_SHARD_WIDTH = 512.0
"""Reference width under which a shard of a matrix loses efficiency. [1]"""

PACKED_BITS = 4
"""Formats of this width and less leave parts of a mixture of experts as they are. [bit]"""

BITS_PER_BYTE = 8

UNPACKED_BYTES = 2.0
"""A weight in 16 bits. [byte]"""

PREFILL_CHUNK_TOKENS = 8192.0
"""Prompt tokens that share one read of the weights. [token]"""


@dataclass(frozen=True)
class WeightPass:
    """Reading the weights and multiplying with them, for the tokens of one step."""

    read_seconds: Number
    compute_seconds: Number
    seconds: Number  # both, partly overlapped
    prefill_seconds_per_token: Number


@dataclass(frozen=True)
class StoredWeights:
    """Bytes of the weights of a model, as its checkpoint has them."""

    expert_bytes: Number
    shared_bytes: Number  # all but the routed experts, embeddings included
    embedding_bytes: Number  # part of the shared ones that a step does not read

    @property
    def total_bytes(self) -> Number:
        """All of them. [byte]."""
        return self.expert_bytes + self.shared_bytes


def stored_weights(model: ModelShape, chip: Chip) -> StoredWeights:
    """Return the bytes of the weights: not everything is stored in the precision of the matrices.

    Embeddings and output head stay in 16 bits. In 4 bits a mixture of experts keeps everything but
    its experts in 16 bits, as the checkpoints of gpt-oss (MXFP4), Kimi K2 (INT4) and DeepSeek-R1
    (NVFP4) do.

    Returns
    -------
    StoredWeights

    Examples
    --------
    A vocabulary of 128,256 x 4,096 in an 8B model of 8-bit weights.

    >>> from dataclasses import replace
    >>> from cost_engine.serving.example import H100_FP8, LLAMA_8B
    >>> round(float(stored_weights(LLAMA_8B, H100_FP8).total_bytes) / 1e9, 2)
    8.0
    >>> with_vocabulary = replace(LLAMA_8B, vocabulary_parameters=128_256 * 4_096.0)
    >>> round(float(stored_weights(with_vocabulary, H100_FP8).total_bytes) / 1e9, 2)
    9.05
    """
    is_packed = np.asarray(chip.weight_bits) <= PACKED_BITS
    own = np.asarray(model.four_bit_overhead) * PACKED_BITS / BITS_PER_BYTE
    width = np.where(is_packed & (own > 0), own, chip.bytes_per_weight)
    keeps_shared = model.is_mixture_of_experts & is_packed
    shared_width = np.where(keeps_shared, np.maximum(width, UNPACKED_BYTES), width)
    vocabulary_width = np.maximum(chip.bytes_per_weight, UNPACKED_BYTES)
    embedding = model.embedding_parameters * vocabulary_width
    vocabulary = model.embedding_parameters + model.vocabulary_parameters
    shared = model.parameters - model.routed_expert_parameters
    vocabulary = np.minimum(vocabulary, shared)
    return StoredWeights(
        expert_bytes=model.routed_expert_parameters * width,
        shared_bytes=(shared - vocabulary) * shared_width + vocabulary * vocabulary_width,
        embedding_bytes=np.minimum(embedding, vocabulary * vocabulary_width),
    )


def touched_fraction(experts: Number, experts_per_token: Number, tokens: Number) -> Number:
    """Return the share of the routed experts that a batch of tokens uses.

    Parameters
    ----------
    experts, experts_per_token : float or array
        [1]
    tokens : float or array
        Tokens in the batch, routed uniformly. [token]

    Returns
    -------
    float or array
        [1]

    Examples
    --------
    DeepSeek-V3: 8 of 256 experts a token; 64 tokens touch 87 % of them.

    >>> round(touched_fraction(256, 8, 64), 3)
    0.869
    """
    return unwrapped(1 - (1 - np.asarray(experts_per_token) / experts) ** np.asarray(tokens))


def effective_bandwidth(constants: ServingConstants, chip: Chip) -> Number:
    """Return the memory bandwidth of one GPU, corrected for its architecture [byte / s].

    Examples
    --------
    >>> from cost_engine.serving.example import H100_FP8
    >>> constants = ServingConstants({"architecture_memory.hopper": 0.9})
    >>> round(float(effective_bandwidth(constants, H100_FP8)) / 1e12, 3)
    3.015
    """
    return chip.bandwidth_bytes_per_second * constants.factor(
        "architecture_memory", chip.architecture
    )


def matrix_efficiency(constants: ServingConstants, chip: Chip) -> Number:
    """Return the share of the peak that matrix products reach at the precision of a chip [1].

    Examples
    --------
    >>> from cost_engine.serving.example import H100_FP8
    >>> float(matrix_efficiency(ServingConstants({"compute_efficiency_8_bit": 0.6}), H100_FP8))
    0.6
    """
    bits = np.asarray(chip.weight_bits)
    native = np.where(
        bits <= 4,
        constants["compute_efficiency_4_bit"],
        np.where(
            bits <= 8,
            constants["compute_efficiency_8_bit"],
            constants["compute_efficiency_16_bit"],
        ),
    )
    weight_only = constants["compute_efficiency_16_bit"] * constants["weight_only_efficiency"]
    return np.where(chip.is_weight_only, weight_only, native)


def narrow_shard_factor(constants: ServingConstants, model: ModelShape, load: Load) -> Number:
    """Return by how much narrow shards of the matrices slow down their products [1].

    Examples
    --------
    4,096 columns over one GPU lose an eighth at a penalty of 1.

    >>> from cost_engine.serving.example import LLAMA_8B, THOUSAND_IN_AND_OUT
    >>> constants = ServingConstants({"narrow_shard_penalty": 1.0})
    >>> float(narrow_shard_factor(constants, LLAMA_8B, THOUSAND_IN_AND_OUT))
    1.125
    """
    width_lost = constants["narrow_shard_penalty"] * NARROW_SHARD_WIDTH
    return 1 + width_lost * load.attention_gpus / model.hidden_size


def overlapped(first_seconds: Number, second_seconds: Number, exponent: Number) -> Number:
    """Return how long two jobs take that overlap partly.

    Parameters
    ----------
    first_seconds, second_seconds : float or array
        Each alone. [s]
    exponent : float or array
        1: one after the other; the larger, the closer to the longer of the two. [1]

    Returns
    -------
    float or array
        [s]

    Examples
    --------
    >>> overlapped(3.0, 4.0, 1.0), overlapped(3.0, 4.0, 2.0)
    (7.0, 5.0)
    """
    return (first_seconds**exponent + second_seconds**exponent) ** (1 / exponent)


def weight_pass(
    constants: ServingConstants,
    model: ModelShape,
    chip: Chip,
    load: Load,
    decoded_tokens: Number,
) -> WeightPass:
    """Return what the weights take: read once a step, multiplied with every token of the batch.

    Parameters
    ----------
    constants : ServingConstants
    model : ModelShape
    chip : Chip
    load : Load
    decoded_tokens : float or array
        Tokens that the step computes. [token]

    Returns
    -------
    WeightPass

    Examples
    --------
    8 GB at 3.35 TB/s and 2 x 8e9 FLOPs at 1,979 TFLOP/s.

    >>> from cost_engine.serving.example import H100_FP8, LLAMA_8B, THOUSAND_IN_AND_OUT
    >>> ideal = ServingConstants({})
    >>> found = weight_pass(ideal, LLAMA_8B, H100_FP8, THOUSAND_IN_AND_OUT, 1.0)
    >>> round(1e3 * float(found.read_seconds), 3), round(1e6 * float(found.compute_seconds), 2)
    (2.388, 8.08)
    """
    gpus = np.asarray(load.gpu_count, dtype=float)
    bits = np.asarray(chip.weight_bits)
    packed = np.where(bits <= 4, constants["read_efficiency_4_bit"], 1.0) * np.where(
        bits == 8, constants["read_efficiency_8_bit"], 1.0
    )
    bandwidth = (
        gpus * effective_bandwidth(constants, chip) * constants["memory_efficiency"] * packed
    )
    # Data-parallel attention keeps a copy of everything but the experts on each GPU.
    copies = np.where(load.is_cache_divided, gpus, 1.0)
    stored = stored_weights(model, chip)
    shared_bytes = (stored.shared_bytes - stored.embedding_bytes) * copies
    expert_bytes = stored.expert_bytes / constants["expert_memory_efficiency"]
    touched = touched_fraction(model.experts, model.experts_per_token, decoded_tokens)
    read = (shared_bytes + expert_bytes * touched) / bandwidth
    full_read = (shared_bytes + expert_bytes) / bandwidth
    flops_per_second = (
        gpus
        * chip.flops_per_second
        * matrix_efficiency(constants, chip)
        * constants.factor("architecture_compute", chip.architecture)
        * constants.factor("precision_compute", chip.path)
        * np.where(model.is_mixture_of_experts, constants["expert_compute_efficiency"], 1.0)
        / narrow_shard_factor(constants, model, load)
    )
    seconds_per_token = 2 * model.active_parameters / flops_per_second
    # A small batch for an expert is multiplied as a whole tile of tokens.
    padded = (
        2
        * model.routed_expert_parameters
        * touched
        * constants["expert_tile_tokens"]
        / flops_per_second
    )
    compute = np.hypot(seconds_per_token * decoded_tokens, padded)
    exponent = constants["overlap_exponent"]
    # Each copy of attention takes a chunk of its own into the experts.
    chunk = copies * np.clip(load.input_tokens, PREFILL_CHUNK_TOKENS / 4, PREFILL_CHUNK_TOKENS)
    return WeightPass(
        read_seconds=read,
        compute_seconds=compute,
        seconds=overlapped(read, compute, exponent),
        prefill_seconds_per_token=overlapped(
            full_read / chunk, seconds_per_token / constants["prefill_compute_factor"], exponent
        ),
    )
