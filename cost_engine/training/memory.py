"""Memory of a training run: weights, gradients, optimizer, activations, and the GPUs that hold it.

Mixed-precision Adam is assumed. Memory of serving is in ``cost_engine.memory``.
"""

from __future__ import annotations

import numpy as np

from cost_engine.units import Number, fraction, positive, unwrapped

WEIGHT_BYTES = 2.0
"""16-bit working copy. [byte / parameter] Rajbhandari et al. 2020, arXiv:1910.02054."""
GRADIENT_BYTES = 2.0
"""16-bit gradients. [byte / parameter] arXiv:1910.02054."""
OPTIMIZER_BYTES = 12.0
"""fp32 weights and both moments of Adam. [byte / parameter] arXiv:1910.02054."""
STATE_BYTES = WEIGHT_BYTES + GRADIENT_BYTES + OPTIMIZER_BYTES
"""16 bytes a parameter. [byte / parameter] arXiv:1910.02054."""
CHECKPOINT_BYTES = WEIGHT_BYTES + OPTIMIZER_BYTES
"""Written to a checkpoint, which has no gradients. [byte / parameter] arXiv:1910.02054."""
USABLE_FRACTION = 0.85
"""Of the memory, after context, buffers and fragments. [1] assumption: engines plan 80 to 90 %."""
TENSOR_PARALLEL = 8
"""GPUs over which a layer is split. [GPU] assumption: those of one server, on the fast link."""
ACTIVATION_BYTES_PER_ELEMENT = {"none": 34.0, "selective": 34.0, "full": 2.0}
"""Bytes kept per token and hidden unit of a layer, by recomputation. Korthikanti et al. 2022,
arXiv:2205.05198, table 2; without recomputation 5 a s / h comes on top."""
ATTENTION_BYTES_PER_SCORE = 5.0
"""Bytes kept per attention score. [byte] arXiv:2205.05198, equation 1."""


def state_bytes_per_gpu(
    parameters: Number, model_parallel: Number = 1, data_parallel: Number = 1, zero_stage: int = 0
) -> Number:
    """Return weights, gradients and optimizer state that one GPU holds [byte].

    Parameters
    ----------
    parameters : float or array
        All parameters, experts included. [parameter]
    model_parallel : float or array
        GPUs that share one copy (tensor times pipeline parallel). [GPU]
    data_parallel : float or array
        Copies. [1]
    zero_stage : {0, 1, 2, 3}
        What is sharded over the copies: nothing, the optimizer, gradients too, weights too.

    Examples
    --------
    The example of the ZeRO paper: 7.5 billion parameters on 64 GPUs.

    >>> [round(state_bytes_per_gpu(7.5e9, 1, 64, stage) / 1e9, 1) for stage in (0, 1, 2, 3)]
    [120.0, 31.4, 16.6, 1.9]
    """
    if zero_stage not in (0, 1, 2, 3):
        raise ValueError(f"zero_stage = {zero_stage!r}: must be 0, 1, 2 or 3")
    shared = positive("data_parallel", data_parallel)
    optimizer = OPTIMIZER_BYTES / shared if zero_stage >= 1 else OPTIMIZER_BYTES
    gradients = GRADIENT_BYTES / shared if zero_stage >= 2 else GRADIENT_BYTES
    weights = WEIGHT_BYTES / shared if zero_stage >= 3 else WEIGHT_BYTES
    share = positive("parameters", parameters) / positive("model_parallel", model_parallel)
    return share * (weights + gradients + optimizer)


def activation_bytes_per_gpu(
    layers: Number,
    hidden_size: Number,
    sequence_tokens: Number,
    attention_heads: Number,
    micro_batch: Number = 1,
    tensor_parallel: Number = 1,
    recomputation: str = "selective",
) -> Number:
    """Return the activations kept for the backward pass, with sequence parallelism [byte].

    Parameters
    ----------
    layers : float or array
        Of which one GPU holds activations; with pipelining the first stage holds as many
        microbatches as stages, which makes it all layers.
    hidden_size, sequence_tokens, attention_heads, micro_batch : float or array
    tensor_parallel : float or array
        GPUs over which each layer is split. [GPU]
    recomputation : {"none", "selective", "full"}

    Examples
    --------
    GPT-3: 96 layers of 12288, 2048 tokens, 96 heads, on 8 GPUs (arXiv:2205.05198).

    >>> round(activation_bytes_per_gpu(96, 12288, 2048, 96, 1, 8) / 1e9, 1)
    10.3
    """
    if recomputation not in ACTIVATION_BYTES_PER_ELEMENT:
        allowed = ", ".join(ACTIVATION_BYTES_PER_ELEMENT)
        raise ValueError(f"recomputation = {recomputation!r}: must be one of {allowed}")
    per_element = ACTIVATION_BYTES_PER_ELEMENT[recomputation]
    if recomputation == "none":
        per_element = per_element + (
            ATTENTION_BYTES_PER_SCORE
            * positive("attention_heads", attention_heads)
            * sequence_tokens
            / hidden_size
        )
    elements = (
        positive("layers", layers)
        * positive("hidden_size", hidden_size)
        * positive("sequence_tokens", sequence_tokens)
        * positive("micro_batch", micro_batch)
    )
    return elements * per_element / positive("tensor_parallel", tensor_parallel)


def minimum_gpus(
    parameters: Number,
    memory_bytes: Number,
    activation_bytes: Number = 0.0,
    usable_fraction: Number = USABLE_FRACTION,
    gpus_per_server: int = 8,
) -> Number:
    """Return the fewest GPUs that hold one training copy, in whole servers beyond one server.

    Parameters
    ----------
    parameters : float or array
        [parameter]
    memory_bytes : float or array
        Of one GPU. [byte]
    activation_bytes : float or array
        That each GPU keeps besides its share of the state. [byte]
    usable_fraction : float or array
        [1]
    gpus_per_server : int

    Raises
    ------
    ValueError
        If the activations alone fill the GPU.

    Examples
    --------
    BLOOM: one copy took 48 A100s of 80 GB (arXiv:2211.05100).

    >>> minimum_gpus(176e9, 80e9)
    48
    """
    usable = positive("memory_bytes", memory_bytes) * fraction("usable_fraction", usable_fraction)
    left = np.asarray(usable - activation_bytes, dtype=float)
    if bool(np.any(left <= 0)):
        raise ValueError(
            f"activation_bytes = {activation_bytes!r}: must be below the usable {usable!r} of a GPU"
        )
    needed = np.ceil(positive("parameters", parameters) * STATE_BYTES / left)
    in_servers = np.ceil(needed / gpus_per_server) * gpus_per_server
    in_one = 2.0 ** np.ceil(np.log2(needed))
    return unwrapped(np.where(needed > gpus_per_server, in_servers, in_one).astype(int))


def state_bytes(parameters: Number) -> Number:
    """Return the training state of one copy of a model [byte].

    Examples
    --------
    >>> state_bytes(70e9) / 1e9
    1120.0
    """
    return parameters * STATE_BYTES


def checkpoint_bytes(parameters: Number) -> Number:
    """Return the size of a checkpoint [byte].

    Examples
    --------
    >>> checkpoint_bytes(70e9) / 1e9
    980.0
    """
    return parameters * CHECKPOINT_BYTES


def state_bytes_by_zero_stage(
    parameters: float, model_parallel: int, gpu_count: int
) -> dict[int, float]:
    """Return the state that one GPU of a cluster holds, by what is sharded over the copies [byte].

    Parameters
    ----------
    parameters : float
        [parameter]
    model_parallel : int
        GPUs that share one copy. [GPU]
    gpu_count : int
        GPUs of the cluster. [GPU]

    Examples
    --------
    >>> {k: round(v / 1e9, 1) for k, v in state_bytes_by_zero_stage(7.5e9, 1, 64).items()}
    {0: 120.0, 1: 31.4, 2: 16.6, 3: 1.9}
    """
    copies = max(gpu_count // model_parallel, 1)
    return {
        stage: float(state_bytes_per_gpu(parameters, model_parallel, copies, stage))
        for stage in range(4)
    }


def fitting_activations(
    memory_bytes: float,
    layers: float,
    hidden_size: float,
    sequence_tokens: float,
    attention_heads: float,
) -> tuple[float, str]:
    """Return the activations that one GPU keeps, with the least recomputation that makes room.

    Activations may take half of the usable memory; full recomputation is taken if nothing less
    fits.

    Parameters
    ----------
    memory_bytes : float
        Of one GPU. [byte]
    layers, hidden_size, sequence_tokens, attention_heads : float
        As in ``activation_bytes_per_gpu``, at a tensor parallelism of ``TENSOR_PARALLEL``.

    Returns
    -------
    tuple of float and str
        Bytes, and "selective" or "full". [byte]

    Examples
    --------
    >>> kept, recomputation = fitting_activations(80e9, 96, 12288, 2048, 96)
    >>> round(kept / 1e9, 1), recomputation
    (10.3, 'selective')
    """
    allowed = memory_bytes * USABLE_FRACTION / 2
    kept, recomputation = 0.0, "full"
    for recomputation in ("selective", "full"):
        kept = float(
            activation_bytes_per_gpu(
                layers,
                hidden_size,
                sequence_tokens,
                attention_heads,
                tensor_parallel=TENSOR_PARALLEL,
                recomputation=recomputation,
            )
        )
        if kept <= allowed:
            break
    return kept, recomputation
