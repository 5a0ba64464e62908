"""Attention in one decoding step, and over the prompt of one request.

Pure arithmetic on floats or arrays that broadcast. How much cache fits belongs to ``room``, the
sum of all parts to ``roofline``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cost_engine import memory
from cost_engine.serving.inputs import Chip, Load, ModelShape, ServingConstants
from cost_engine.serving.room import cache_shards
from cost_engine.serving.weights import effective_bandwidth
from cost_engine.units import Number

SPARSE_PREFILL_TOKENS = 4096.0
"""Largest mean context that sparse attention reads in prefill. [token]"""

LATENT_ROTARY_DIMENSION = 64.0
"""Part of a latent cache that carries positions only, in DeepSeek-V3 (arXiv 2412.19437). [1]"""

LATENT_PREFILL_DIMENSION = 160.0
"""Mean width of a head in the prefill of a latent cache: 192 for scores, 128 for values, same
paper. [1]"""


@dataclass(frozen=True)
class AttentionPass:
    """Attention over the cache in one step, and over the prompt of one request."""

    decode_seconds: Number
    prefill_seconds_per_request: Number


def attention_pass(
    constants: ServingConstants,
    model: ModelShape,
    chip: Chip,
    load: Load,
    sequences: Number,
    decoded_tokens: Number,
) -> AttentionPass:
    """Return what attention takes: the cache is read once a step, prefill grows with its square.

    Parameters
    ----------
    constants : ServingConstants
    model : ModelShape
    chip : Chip
    load : Load
    sequences : float or array
        Sequences in the batch, each at its mean context. [sequence]
    decoded_tokens : float or array
        Tokens that the step computes. [token]

    Returns
    -------
    AttentionPass

    Examples
    --------
    98 MB of cache at 3.35 TB/s.

    >>> from cost_engine.serving.example import H100_FP8, LLAMA_8B, THOUSAND_IN_AND_OUT
    >>> ideal = ServingConstants({})
    >>> found = attention_pass(ideal, LLAMA_8B, H100_FP8, THOUSAND_IN_AND_OUT, 1.0, 1.0)
    >>> round(1e6 * float(found.decode_seconds), 2)
    29.36
    """
    gpus = np.asarray(load.gpu_count, dtype=float)
    prompt = load.input_tokens
    context = prompt + load.output_tokens / 2
    values = memory.kv_values_per_token_layer(
        model.kv_heads, model.head_dimension, model.latent_dimension
    )
    read_tokens = model.full_attention_layers * np.minimum(
        context, model.sparse_attention_tokens
    ) + model.sliding_layers * np.minimum(context, model.sliding_window_tokens)
    cache_bytes = (
        values * load.bytes_per_kv_value * read_tokens
        + model.index_bytes_per_token_layer * model.full_attention_layers * context
    )
    bandwidth = effective_bandwidth(constants, chip)
    cache_read = (
        sequences
        * cache_bytes
        / (cache_shards(model, load) * bandwidth * constants["cache_read_efficiency"])
    )
    flops_per_second = (
        gpus
        * chip.flops_per_second_16_bit
        * constants.factor("architecture_compute", chip.architecture)
    )
    # Decoding with a latent cache works in its width (576 for scores, 512 for values).
    is_latent = np.asarray(model.latent_dimension) > 0
    dimensions = np.where(
        is_latent,
        2 * np.asarray(model.latent_dimension) - LATENT_ROTARY_DIMENSION,
        2 * np.asarray(model.head_dimension),
    )
    decode_compute = (
        2
        * model.attention_heads
        * dimensions
        * read_tokens
        * decoded_tokens
        / (flops_per_second * constants["decode_attention_efficiency"])
    )
    sparse_prompt = np.where(
        np.isinf(model.sparse_attention_tokens), prompt, np.minimum(prompt, SPARSE_PREFILL_TOKENS)
    )
    prefill_flops = (
        2
        * model.attention_heads
        * np.where(is_latent, LATENT_PREFILL_DIMENSION, model.head_dimension)
        * prompt
        * (
            model.full_attention_layers * sparse_prompt
            + 2 * model.sliding_layers * np.minimum(prompt / 2, model.sliding_window_tokens)
        )
    )
    return AttentionPass(
        decode_seconds=np.hypot(cache_read, decode_compute),
        prefill_seconds_per_request=prefill_flops
        / (flops_per_second * constants["prefill_attention_efficiency"]),
    )
