"""What fits in the memory of a replica: weights, work buffers and the cache of the sequences.

Pure arithmetic on floats or arrays. Sizes of single weights and caches belong to
``cost_engine.memory``, speeds to ``roofline``.
"""

from __future__ import annotations

import numpy as np

from cost_engine import memory
from cost_engine.serving.inputs import Chip, Load, ModelShape, ServingConstants
from cost_engine.serving.weights import stored_weights
from cost_engine.units import Number, unwrapped

MOST_WORKSPACE_OF_ROOM = 2 / 3
"""Largest share of the memory beside the weights that work buffers take. [1]"""


def cache_shards(model: ModelShape, load: Load) -> Number:
    """Return the number of GPUs among which the cache of the running sequences is divided.

    Returns
    -------
    float or array
        [GPU]

    Examples
    --------
    Four heads that keep keys and values cannot be divided among eight GPUs.

    >>> from dataclasses import replace
    >>> from cost_engine.serving.example import LLAMA_8B, THOUSAND_IN_AND_OUT
    >>> cache_shards(replace(LLAMA_8B, kv_heads=4), replace(THOUSAND_IN_AND_OUT, gpu_count=8))
    4.0
    """
    stages = np.where(load.is_pipeline, load.gpu_count, 1.0)
    heads = np.where(np.asarray(model.latent_dimension) > 0, 1.0, model.kv_heads)
    tensor = load.gpu_count / stages
    return unwrapped(
        np.where(load.is_cache_divided, load.gpu_count, stages * np.minimum(tensor, heads))
    )


def sequence_cache_bytes(model: ModelShape, tokens: Number, bytes_per_kv_value: Number) -> Number:
    """Return the KV cache of one sequence of a model.

    Parameters
    ----------
    model : ModelShape
    tokens : float or array
        Context held. [token]
    bytes_per_kv_value : float or array
        [byte]

    Returns
    -------
    float or array
        [byte]

    Examples
    --------
    65,536 bytes a token: 2 x 8 heads x 128 x 32 layers, 8 bits each.

    >>> from cost_engine.serving.example import LLAMA_8B
    >>> sequence_cache_bytes(LLAMA_8B, 1000, 1.0)
    65536000.0
    """
    values = memory.kv_values_per_token_layer(
        model.kv_heads, model.head_dimension, model.latent_dimension
    )
    return memory.kv_bytes_per_sequence(
        tokens,
        values,
        bytes_per_kv_value,
        model.full_attention_layers,
        model.sliding_layers,
        model.sliding_window_tokens,
        model.index_bytes_per_token_layer * model.full_attention_layers,
    )


def sequence_limit(
    constants: ServingConstants, model: ModelShape, chip: Chip, load: Load
) -> Number:
    """Return how many sequences fit in the memory of the replica at once.

    Parameters
    ----------
    constants : ServingConstants
    model : ModelShape
    chip : Chip
    load : Load

    Returns
    -------
    float or array
        Below 1 where not even one request fits. [sequence]

    Examples
    --------
    77.5 GB beside the weights, 131 MB for each request of 2,000 tokens.

    >>> from cost_engine.serving.example import H100_FP8, LLAMA_8B, THOUSAND_IN_AND_OUT
    >>> round(sequence_limit(ServingConstants({}), LLAMA_8B, H100_FP8, THOUSAND_IN_AND_OUT))
    591
    """
    is_spread = np.asarray(load.gpu_count) > 1
    workspace = constants["workspace_bytes"] + constants["expert_workspace_bytes"] * (
        model.is_mixture_of_experts & is_spread
    )
    # Engines shrink their buffers where the weights leave little room.
    copies = np.where(load.is_cache_divided, load.gpu_count, 1.0)
    stored = stored_weights(model, chip)
    weights = stored.expert_bytes + stored.shared_bytes * copies
    room = np.maximum(chip.memory_bytes - weights / load.gpu_count, 0.0)
    workspace = np.minimum(workspace, room * MOST_WORKSPACE_OF_ROOM)
    usable = constants["usable_memory_fraction"]
    reserved = load.input_tokens + constants["output_reservation_fraction"] * load.output_tokens
    return memory.concurrency_limit(
        load.gpu_count,
        (chip.memory_bytes - workspace) * usable,
        weights * usable,
        sequence_cache_bytes(model, reserved, load.bytes_per_kv_value),
        cache_shards(model, load),
    )
