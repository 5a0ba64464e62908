"""Memory that a model needs on its GPUs: weights, KV cache, training state, and what fits.

Pure arithmetic on floats or arrays, decimal bytes throughout. How much of a GPU's memory a
program may use belongs to the reference data, how fast memory is read to ``serving``.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cost_engine.units import Number, non_negative, positive, unwrapped

BYTES_PER_WEIGHT: Mapping[str, float] = {
    "fp64": 8.0,
    "fp32": 4.0,
    "tf32": 4.0,
    "bf16": 2.0,
    "fp16": 2.0,
    "fp8": 1.0,
    "int8": 1.0,
    "fp4": 0.5625,  # 4 bits and an 8-bit scale for every 16 weights (NVFP4)
    "int4": 0.53,  # 4 bits and a 16-bit scale for every 32 to 128 weights
}
"""Storage of one weight with its block scales. [byte]"""

SERVED_WEIGHT_BITS: Mapping[str, int] = {
    "bf16": 16,
    "fp16": 16,
    "fp8": 8,
    "int8": 8,
    "fp4": 4,
    "int4": 4,
}
"""Bits of a weight, without scales, in the formats in which models are served. [bit]"""

ADAM_BYTES_PER_PARAMETER = 8.0
"""Two fp32 moments for each parameter. [byte]"""

GPU_COUNTS = (1, 2, 4, 8, 16, 32, 64)
"""Sizes of a replica that engines support. [GPU]"""


def weight_bytes(parameters: Number, bytes_per_weight: Number) -> Number:
    """Return the memory of the weights.

    Parameters
    ----------
    parameters : float or array
        All parameters, of every expert too. [1]
    bytes_per_weight : float or array
        Storage of one weight, see ``BYTES_PER_WEIGHT``. [byte]

    Returns
    -------
    float or array
        [byte]

    Examples
    --------
    GPT-3 in fp32 (a16z, Navigating the High Cost of AI Compute, 2023: "700 GB").

    >>> weight_bytes(175e9, 4)
    700000000000.0
    """
    return unwrapped(
        positive("parameters", parameters) * positive("bytes_per_weight", bytes_per_weight)
    )


def training_bytes(parameters: Number, bytes_per_weight: Number = 4.0) -> Number:
    """Return the memory of weights and optimiser state of a training run with Adam.

    Parameters
    ----------
    parameters : float or array
        [1]
    bytes_per_weight : float or array
        [byte]

    Returns
    -------
    float or array
        [byte]

    Examples
    --------
    >>> training_bytes(175e9)
    2100000000000.0
    """
    return unwrapped(
        positive("parameters", parameters)
        * (positive("bytes_per_weight", bytes_per_weight) + ADAM_BYTES_PER_PARAMETER)
    )


def kv_values_per_token_layer(
    kv_heads: Number, head_dimension: Number, latent_dimension: Number = 0.0
) -> Number:
    """Return how many numbers one token leaves in the cache of one layer.

    Parameters
    ----------
    kv_heads : float or array
        Heads that store keys and values (all heads in MHA, one in MQA). [1]
    head_dimension : float or array
        [1]
    latent_dimension : float or array
        Width of the compressed cache of MLA with its rotary part (576 in DeepSeek-V3), or 0. [1]

    Returns
    -------
    float or array
        [1 / (token layer)]

    Examples
    --------
    Llama-3-70B (8 heads of 128) and DeepSeek-V3 (MLA, arXiv 2412.19437).

    >>> kv_values_per_token_layer(8, 128), kv_values_per_token_layer(128, 128, 576)
    (2048.0, 576.0)
    """
    latent = non_negative("latent_dimension", latent_dimension)
    pairs = 2 * non_negative("kv_heads", kv_heads) * non_negative("head_dimension", head_dimension)
    return unwrapped(np.where(np.asarray(latent) > 0, latent, pairs).astype(float))


def kv_bytes_per_sequence(
    tokens: Number,
    kv_values: Number,
    bytes_per_kv_value: Number,
    full_attention_layers: Number,
    sliding_layers: Number = 0.0,
    sliding_window_tokens: Number = 0.0,
    extra_bytes_per_token: Number = 0.0,
) -> Number:
    """Return the KV cache of one sequence.

    Parameters
    ----------
    tokens : float or array
        Context held. [token]
    kv_values : float or array
        From ``kv_values_per_token_layer``. [1 / (token layer)]
    bytes_per_kv_value : float or array
        2 for a 16-bit cache, 1 for an 8-bit one. [byte]
    full_attention_layers, sliding_layers : float or array
        Layers whose cache grows with the context, and layers that keep a window. Linear-attention
        layers are neither: their state does not grow. [1]
    sliding_window_tokens : float or array
        [token]
    extra_bytes_per_token : float or array
        What else a token keeps, over all layers (the index of sparse attention). [byte / token]

    Returns
    -------
    float or array
        [byte]

    Examples
    --------
    Llama-3-70B, 8-bit cache: 163,840 bytes for each token.

    >>> kv_bytes_per_sequence(1.0, 2048, 1, 80)
    163840.0
    """
    window = np.minimum(tokens, sliding_window_tokens)
    return unwrapped(
        kv_values * bytes_per_kv_value * (full_attention_layers * tokens + sliding_layers * window)
        + extra_bytes_per_token * tokens
    )


def concurrency_limit(
    gpu_count: Number,
    usable_bytes_per_gpu: Number,
    weights: Number,
    kv_bytes: Number,
    kv_shards: Number,
) -> Number:
    """Return how many sequences the memory of one replica holds beside the weights.

    Parameters
    ----------
    gpu_count : float or array
        GPUs of the replica. [GPU]
    usable_bytes_per_gpu : float or array
        Driver-visible memory less workspace and the share the engine leaves free. [byte / GPU]
    weights : float or array
        [byte]
    kv_bytes : float or array
        Cache reserved for one sequence. [byte]
    kv_shards : float or array
        GPUs over which one sequence's cache is divided, or over which sequences are divided; less
        than gpu_count where the cache is replicated (MLA, or fewer KV heads than GPUs). [GPU]

    Returns
    -------
    float or array
        May be fractional, and negative where the weights alone do not fit. [sequence]

    Examples
    --------
    >>> concurrency_limit(1, 140e9, 70e9, 0.35e9, 1)
    200.0
    """
    free = gpu_count * usable_bytes_per_gpu - weights
    return unwrapped(free * kv_shards / gpu_count / kv_bytes)


def minimum_gpu_count(
    usable_bytes_per_gpu: float,
    weights: float,
    kv_bytes: float,
    concurrency: float = 1.0,
    kv_shard_limit: float = float("inf"),
) -> int | None:
    """Return the smallest replica that holds the weights and the cache of some sequences.

    Parameters
    ----------
    usable_bytes_per_gpu : float
        [byte / GPU]
    weights : float
        [byte]
    kv_bytes : float
        Cache of one sequence. [byte]
    concurrency : float
        Sequences that must fit; 1 says "it runs", 8 "it is useful". [sequence]
    kv_shard_limit : float
        KV heads, over which the cache can be divided (1 for MLA). [1]

    Returns
    -------
    int or None
        One of ``GPU_COUNTS``, or None if none of them is enough. [GPU]

    Examples
    --------
    A 70B model in fp16 on 80 GB GPUs (85.5e9 bytes for programs).

    >>> minimum_gpu_count(0.92 * 85.5e9, 141.2e9, 0.33e9 * 2)
    2
    """
    for count in GPU_COUNTS:
        shards = min(count, kv_shard_limit)
        limit = concurrency_limit(count, usable_bytes_per_gpu, weights, kv_bytes, shards)
        if limit >= concurrency:
            return count
    return None


def bytes_per_kv_value(weight_bits: Number) -> Number:
    """Return the storage of one cached number: 16 bits beside 16-bit weights, else 8 bits [byte].

    Examples
    --------
    >>> bytes_per_kv_value(16), bytes_per_kv_value(4)
    (2.0, 1.0)
    """
    return unwrapped(np.where(np.asarray(weight_bits) >= 16, 2.0, 1.0))
