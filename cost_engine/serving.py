"""How fast a set of GPUs serves a model: a roofline of every step, closed over the request.

Pure arithmetic on floats or arrays that broadcast. Here belong bytes, FLOPs and seconds. Money
and energy belong to ``inference``; sizes of weights and caches to ``memory``; the values of the
fitted constants, and which file they are read from, to the caller.

The equations follow Pope et al. 2022 (arXiv 2211.05102), Erdil 2025 (arXiv 2506.04645) and
"Transformer inference arithmetic" (kipply, 2022).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cost_engine import memory
from cost_engine.units import Number, positive, unwrapped

ENGINE_VERSION = "2026-11-21.1"
"""Changes when the same inputs and constants give other numbers."""

SPECULATED_TOKENS = 3.0
"""Tokens drafted before each verification with multi-token prediction. [token]"""

NARROW_SHARD_WIDTH = 512.0
"""Reference width under which a shard of a matrix loses efficiency. [1]"""

PREFILL_CHUNK_TOKENS = 8192.0
"""Prompt tokens that share one read of the weights. [token]"""

MOST_WORKSPACE_OF_ROOM = 2 / 3
"""Share of the memory beside the weights that buffers take at most. [1]"""

SPARSE_PREFILL_TOKENS = 4096.0
"""Mean context that sparse attention reads in prefill, at most. [token]"""

PACE_GRID = 12
"""Batch sizes, evenly spaced in logarithms, between which a pace is looked for."""

PACE_ROUNDS = 4
"""Steps of false position after the grid; the pace is then met to about 1e-6."""

LIMITS = ("compute", "bandwidth", "memory", "communication", "overhead")
"""What can bind a serving point, in the order of ``ServingPoint.limit``."""


@dataclass(frozen=True)
class Labels:
    """Names of rows, coded once: ``names[codes]`` is the name of each row."""

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

    def reshaped(self, shape: tuple[int, ...]) -> Labels:
        """Return the same rows in another shape."""
        return replace(self, codes=self.codes.reshape(shape))

    def taken(self, index: NDArray[np.intp]) -> Labels:
        """Return some of the rows."""
        return replace(self, codes=self.codes[index])


@dataclass(frozen=True)
class ServingConstants:
    """Fitted constants by name; a table's entry is ``table.key`` and is 1 where there is none.

    ``ServingConstants({})`` is the ideal machine: every efficiency 1, no overhead.
    """

    values: Mapping[str, float]

    def __getitem__(self, name: str) -> float:
        """Return a constant, or its value on the ideal machine."""
        return self.values.get(name, IDEAL[name])

    def factor(self, table: str, labels: Labels) -> NDArray[np.float64]:
        """Return the table's entry for every row, 1 for a name that was never measured."""
        entries = [self.values.get(f"{table}.{name}", 1.0) for name in labels.names]
        result: NDArray[np.float64] = np.array(entries)[labels.codes]
        return result


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
    "overlap_exponent": 1.0,
    "layer_overhead_seconds": 0.0,
    "amd_overhead_factor": 1.0,
    "step_overhead_seconds": 0.0,
    "sequence_overhead_seconds": 0.0,
    "hop_seconds": 0.0,
    "link_efficiency": 1.0,
    "pcie_link_efficiency": 1.0,
    "pipeline_efficiency": 1.0,
    "usable_memory_fraction": 1.0,
    "workspace_bytes": 0.0,
    "expert_workspace_bytes": 0.0,
    "output_reservation_fraction": 1.0,
    "batch_limit": 2048.0,
    "draft_acceptance": 0.7,
    "first_token_factor": 1.0,
    "speed_growth_per_year": 1.0,
}
"""The constants of the model and what they are on a machine that wastes nothing."""


@dataclass(frozen=True, kw_only=True)
class ModelShape:
    """What the equations need of a model; every field a float or an array.

    ``latent_dimension`` is 0 unless the cache is compressed (MLA: 576 in DeepSeek-V3).
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
    sliding_layers: Number = 0.0
    sliding_window_tokens: Number = 0.0
    latent_dimension: Number = 0.0
    sparse_attention_tokens: Number = np.inf
    index_bytes_per_token_layer: Number = 0.0


@dataclass(frozen=True, kw_only=True)
class Chip:
    """What the equations need of a GPU, at the precision of the weights.

    ``flops_per_second`` is the dense peak at the precision the matrices are multiplied in,
    ``flops_per_second_16_bit`` the one that attention uses. ``weight_bits`` is 16, 8 or 4;
    ``is_weight_only`` says that 4-bit weights are multiplied in 16 bits.
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


@dataclass(frozen=True, kw_only=True)
class Load:
    """Requests and how they are served.

    ``years`` counts from mid-2025, for the progress of software. ``is_cache_divided`` says that
    attention is data-parallel, so that every GPU keeps the cache of its own sequences.
    """

    input_tokens: Number
    output_tokens: Number
    bytes_per_kv_value: Number
    engine: Labels
    gpu_count: Number
    is_pipeline: Number = False
    is_cache_divided: Number = False
    is_speculative: Number = False
    years: Number = 0.0


@dataclass(frozen=True)
class Step:
    """One decoding step of a replica, with the prefill that it carries; all in seconds."""

    weight_read: Number
    weight_compute: Number
    weights: Number  # both together, partly overlapped
    prefill: Number
    cache: Number
    communication: Number
    overhead: Number
    total: Number
    accepted_tokens: Number
    prefill_per_request: Number


@dataclass(frozen=True)
class ServingPoint:
    """A replica at work. Throughput in requests and tokens per second, times in seconds."""

    requests_per_second: Number
    tokens_per_second_per_gpu: Number
    output_tokens_per_second: Number
    time_per_output_token_seconds: Number
    time_to_first_token_seconds: Number
    running_sequences: Number
    concurrency_limit: Number
    cycle_seconds: Number
    prefill_seconds: Number
    limit: Number


def cache_shards(model: ModelShape, load: Load) -> Number:
    """Return over how many GPUs the cache of the running sequences is divided.

    Examples
    --------
    >>> shape = ModelShape(parameters=8e9, active_parameters=8e9, layers=32, hidden_size=4096,
    ...     attention_heads=32, kv_heads=4, head_dimension=128, full_attention_layers=32)
    >>> load = Load(input_tokens=1, output_tokens=1, bytes_per_kv_value=1,
    ...     engine=Labels.of("trtllm"), gpu_count=8)
    >>> cache_shards(shape, load)
    4.0
    """
    stages = np.where(load.is_pipeline, load.gpu_count, 1.0)
    heads = np.where(np.asarray(model.latent_dimension) > 0, 1.0, model.kv_heads)
    tensor = load.gpu_count / stages
    return unwrapped(
        np.where(load.is_cache_divided, load.gpu_count, stages * np.minimum(tensor, heads))
    )


def sequence_limit(
    constants: ServingConstants, model: ModelShape, chip: Chip, load: Load
) -> Number:
    """Return how many sequences fit in the memory of the replica at once.

    Returns
    -------
    float or array
        Below 1 where not even one request fits. [sequence]
    """
    is_moe = np.asarray(model.experts) > 1
    is_spread = np.asarray(load.gpu_count) > 1
    workspace = constants["workspace_bytes"] + constants["expert_workspace_bytes"] * (
        is_moe & is_spread
    )
    # Engines shrink their buffers where the weights leave little room.
    weights = model.parameters * chip.bytes_per_weight
    room = np.maximum(chip.memory_bytes - weights / load.gpu_count, 0.0)
    workspace = np.minimum(workspace, room * MOST_WORKSPACE_OF_ROOM)
    rho = constants["usable_memory_fraction"]
    values = memory.kv_values_per_token_layer(
        model.kv_heads, model.head_dimension, model.latent_dimension
    )
    reserved = load.input_tokens + constants["output_reservation_fraction"] * load.output_tokens
    cache = memory.kv_bytes_per_sequence(
        reserved,
        values,
        load.bytes_per_kv_value,
        model.full_attention_layers,
        model.sliding_layers,
        model.sliding_window_tokens,
        model.index_bytes_per_token_layer * model.full_attention_layers,
    )
    return memory.concurrency_limit(
        load.gpu_count,
        (chip.memory_bytes - workspace) * rho,
        weights * rho,
        cache,
        cache_shards(model, load),
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


def accepted_tokens(draft_acceptance: Number, drafted_tokens: Number) -> Number:
    """Return the mean number of tokens that one verified step yields.

    Parameters
    ----------
    draft_acceptance : float or array
        Chance that a drafted token is accepted if those before it were. [1]
    drafted_tokens : float or array
        Tokens drafted for each step. [token]

    Returns
    -------
    float or array
        (1 - a^(g+1)) / (1 - a), from Leviathan et al. 2022 (arXiv 2211.17192). [token]

    Examples
    --------
    >>> accepted_tokens(0.5, 3)
    1.875
    """
    kept = np.asarray(draft_acceptance, dtype=float)
    return unwrapped((1 - kept ** (np.asarray(drafted_tokens) + 1)) / (1 - kept))


def decode_step(
    constants: ServingConstants, model: ModelShape, chip: Chip, load: Load, concurrency: Number
) -> Step:
    """Return the parts of one decoding step with ``concurrency`` sequences running.

    In steady state each step also carries the prefill of the requests that take the place of
    those that end: ``concurrency / output_tokens`` prompts a step.

    Parameters
    ----------
    constants : ServingConstants
    model : ModelShape
    chip : Chip
    load : Load
    concurrency : float or array
        Sequences in the batch. [sequence]

    Returns
    -------
    Step
    """
    gpus = np.asarray(load.gpu_count, dtype=float)
    tensor = np.where(load.is_pipeline, 1.0, gpus)
    stages = gpus / tensor
    is_moe = np.asarray(model.experts) > 1
    prompt, answer = load.input_tokens, load.output_tokens
    context = prompt + answer / 2
    drafted = np.where(load.is_speculative, SPECULATED_TOKENS, 0.0)
    accepted = accepted_tokens(constants["draft_acceptance"], drafted)
    decoded = np.maximum(concurrency, 1.0) * (1 + drafted)
    prompts_per_step = np.maximum(concurrency, 1.0) * accepted / answer

    # Weights: read once a step, multiplied with every token of the batch.
    memory_factor = constants.factor("architecture_memory", chip.architecture)
    bandwidth = chip.bandwidth_bytes_per_second * memory_factor
    weight_bandwidth = gpus * bandwidth * constants["memory_efficiency"]
    shared_bytes = (model.parameters - model.routed_expert_parameters) * chip.bytes_per_weight
    expert_bytes = (
        model.routed_expert_parameters
        * chip.bytes_per_weight
        / constants["expert_memory_efficiency"]
    )
    touched = touched_fraction(model.experts, model.experts_per_token, decoded)
    weight_read = (shared_bytes + expert_bytes * touched) / weight_bandwidth
    full_read = (shared_bytes + expert_bytes) / weight_bandwidth
    bits = np.asarray(chip.weight_bits)
    efficiency = np.where(
        chip.is_weight_only,
        constants["compute_efficiency_16_bit"] * constants["weight_only_efficiency"],
        np.where(
            bits <= 4,
            constants["compute_efficiency_4_bit"],
            np.where(
                bits <= 8,
                constants["compute_efficiency_8_bit"],
                constants["compute_efficiency_16_bit"],
            ),
        ),
    )
    compute_factor = constants.factor("architecture_compute", chip.architecture)
    narrow = 1 + constants["narrow_shard_penalty"] * NARROW_SHARD_WIDTH * tensor / model.hidden_size
    flops_rate = (
        gpus
        * chip.flops_per_second
        * efficiency
        * compute_factor
        * np.where(is_moe, constants["expert_compute_efficiency"], 1.0)
        / narrow
    )
    seconds_per_token = 2 * model.active_parameters / flops_rate
    weight_compute = seconds_per_token * decoded
    exponent = constants["overlap_exponent"]
    weights = (weight_read**exponent + weight_compute**exponent) ** (1 / exponent)
    chunk = np.clip(prompt, PREFILL_CHUNK_TOKENS / 4, PREFILL_CHUNK_TOKENS)
    prefill_per_token = ((full_read / chunk) ** exponent + seconds_per_token**exponent) ** (
        1 / exponent
    )

    # Attention: the cache is read once a step; prefill is quadratic in the prompt.
    values = memory.kv_values_per_token_layer(
        model.kv_heads, model.head_dimension, model.latent_dimension
    )
    is_latent = np.asarray(model.latent_dimension) > 0
    window = np.minimum(context, model.sliding_window_tokens)
    read_tokens = (
        model.full_attention_layers * np.minimum(context, model.sparse_attention_tokens)
        + model.sliding_layers * window
    )
    cache_bytes = (
        values * load.bytes_per_kv_value * read_tokens
        + model.index_bytes_per_token_layer * model.full_attention_layers * context
    )
    sequences = np.maximum(concurrency, 1.0)
    cache_read = (
        sequences
        * cache_bytes
        / (cache_shards(model, load) * bandwidth * constants["cache_read_efficiency"])
    )
    attention_rate = gpus * chip.flops_per_second_16_bit * compute_factor
    # Decoding with a latent cache works in its width (576 for scores, 512 for values).
    dimensions = np.where(is_latent, 2 * np.asarray(model.latent_dimension) - 64, 0) + np.where(
        is_latent, 0, 2 * np.asarray(model.head_dimension)
    )
    decode_attention = (
        2
        * model.attention_heads
        * dimensions
        * read_tokens
        * decoded
        / (attention_rate * constants["decode_attention_efficiency"])
    )
    cache = np.hypot(cache_read, decode_attention)
    prefill_dimension = np.where(is_latent, 160.0, model.head_dimension)
    sparse_prompt = np.where(
        np.isinf(model.sparse_attention_tokens), prompt, np.minimum(prompt, SPARSE_PREFILL_TOKENS)
    )
    prefill_flops = (
        2
        * model.attention_heads
        * prefill_dimension
        * prompt
        * (
            model.full_attention_layers * sparse_prompt
            + 2 * model.sliding_layers * np.minimum(prompt / 2, model.sliding_window_tokens)
        )
    )
    prefill_attention = prefill_flops / (attention_rate * constants["prefill_attention_efficiency"])

    # Communication: two all-reduces a layer, ring, 16-bit activations.
    link = chip.link_bandwidth_bytes_per_second * np.where(
        chip.is_pcie, constants["pcie_link_efficiency"], constants["link_efficiency"]
    )
    exchange_per_token = 8 * model.layers * model.hidden_size * (tensor - 1) / tensor / link
    hops = 2 * model.layers * constants["hop_seconds"] * np.log2(tensor)
    communication = hops + exchange_per_token * decoded

    overhead = (
        model.layers
        * constants["layer_overhead_seconds"]
        * constants.factor("engine_overhead", load.engine)
        * np.where(chip.is_amd, constants["amd_overhead_factor"], 1.0)
        + constants["step_overhead_seconds"]
        + sequences * constants["sequence_overhead_seconds"]
    )
    prefill_per_request = prompt * (prefill_per_token + exchange_per_token) + prefill_attention
    prefill = prompts_per_step * prefill_per_request
    speed = (
        constants.factor("engine_speed", load.engine)
        * constants["speed_growth_per_year"] ** np.asarray(load.years)
        * np.where(stages > 1, constants["pipeline_efficiency"], 1.0)
    )
    total = weights + prefill + cache + communication + overhead
    return Step(
        weight_read / speed,
        weight_compute / speed,
        weights / speed,
        prefill / speed,
        cache / speed,
        communication / speed,
        overhead / speed,
        total / speed,
        accepted,
        prefill_per_request / speed,
    )


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
        Users of the replica; those that do not fit in memory wait. [request]

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

    >>> shape = ModelShape(parameters=8e9, active_parameters=8e9, layers=32, hidden_size=4096,
    ...     attention_heads=32, kv_heads=8, head_dimension=128, full_attention_layers=32)
    >>> chip = Chip(memory_bytes=85.5e9, bandwidth_bytes_per_second=3.35e12,
    ...     link_bandwidth_bytes_per_second=450e9, flops_per_second=1979e12,
    ...     flops_per_second_16_bit=989e12, bytes_per_weight=1.0, weight_bits=8,
    ...     is_weight_only=False, is_pcie=False, is_amd=False, architecture=Labels.of("hopper"))
    >>> load = Load(input_tokens=1000, output_tokens=1000, bytes_per_kv_value=1.0,
    ...     engine=Labels.of("ideal"), gpu_count=1)
    >>> point = closed_loop(ServingConstants({}), shape, chip, load, 1)
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
    first = (
        constants["first_token_factor"] * np.sqrt(prefill * cycle / running) + step.total + waiting
    )
    per_token = np.where(fits, (cycle - prefill) / load.output_tokens, np.inf)
    parts = np.stack(
        np.broadcast_arrays(
            step.weight_compute + step.prefill,
            step.weight_read + step.cache,
            step.communication,
            step.overhead,
        )
    )
    binding = np.array([0, 1, 3, 4])[np.argmax(parts, axis=0)]
    binding = np.where(users > limit, 2, binding)
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
        limit=unwrapped(binding),
    )


def concurrency_at_pace(
    constants: ServingConstants,
    model: ModelShape,
    chip: Chip,
    load: Load,
    seconds_per_output_token: Number,
    most: Number,
) -> Number:
    """Return the largest concurrency at which tokens still come fast enough.

    Parameters
    ----------
    constants : ServingConstants
    model : ModelShape
    chip : Chip
    load : Load
    seconds_per_output_token : float or array
        Slowest pace that is allowed; infinite where nobody waits. [s / token]
    most : float or array
        Upper bound of the answer. [sequence]

    Returns
    -------
    float or array
        0 where even one user alone is slower. [sequence]
    """
    limit = np.asarray(sequence_limit(constants, model, chip, load))
    pace = np.asarray(seconds_per_output_token, dtype=float)
    most_sequences = np.maximum(np.minimum(limit, most), 1.0)
    if np.isinf(pace).all():
        return unwrapped(np.where(limit >= 1, most_sequences, 0.0))
    high = np.log(np.broadcast_to(most_sequences, np.broadcast_shapes(limit.shape, pace.shape)))
    target = np.log(pace)

    def log_seconds(log_sequences: NDArray[np.float64]) -> NDArray[np.float64]:
        step = decode_step(constants, model, chip, load, np.exp(log_sequences))
        seconds: NDArray[np.float64] = (
            step.total / step.accepted_tokens - step.prefill_per_request / load.output_tokens
        )
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


def disaggregated_tokens_per_second_per_gpu(
    prefill_gpus: Number,
    decode_gpus: Number,
    prefill_tokens_per_second_per_gpu: Number,
    decode_tokens_per_second_per_gpu: Number,
    input_tokens: Number,
    output_tokens: Number,
) -> Number:
    """Return the throughput of separate prefill and decode pools, the slower one binding.

    Parameters
    ----------
    prefill_gpus, decode_gpus : float or array
        [GPU]
    prefill_tokens_per_second_per_gpu, decode_tokens_per_second_per_gpu : float or array
        Rates of one GPU that does nothing else. [token / (s GPU)]
    input_tokens, output_tokens : float or array
        Of one request. [token]

    Returns
    -------
    float or array
        Input and output tokens over all GPUs. [token / (s GPU)]

    Examples
    --------
    >>> disaggregated_tokens_per_second_per_gpu(1, 3, 8000, 1000, 8000, 1000)
    2250.0
    """
    requests = np.minimum(
        prefill_gpus * prefill_tokens_per_second_per_gpu / positive("input_tokens", input_tokens),
        decode_gpus * decode_tokens_per_second_per_gpu / positive("output_tokens", output_tokens),
    )
    return unwrapped(
        (input_tokens + output_tokens)
        * requests
        / positive("prefill_gpus + decode_gpus", prefill_gpus + decode_gpus)
    )


def balanced_prefill_share(
    prefill_tokens_per_second_per_gpu: Number,
    decode_tokens_per_second_per_gpu: Number,
    input_tokens: Number,
    output_tokens: Number,
) -> Number:
    """Return the share of the GPUs that should do prefill, so that neither pool waits.

    Examples
    --------
    DeepSeek-V3 in production (2025-03): 608e9 tokens in of which 56.3 % from the cache, 168e9
    out, at 32.2k and 14.8k tokens a second and node.

    >>> round(balanced_prefill_share(32.2e3, 14.8e3, 608e9 * (1 - 0.563), 168e9), 2)
    0.42
    """
    prefill = positive("input_tokens", input_tokens) / positive(
        "prefill_tokens_per_second_per_gpu", prefill_tokens_per_second_per_gpu
    )
    decode = positive("output_tokens", output_tokens) / positive(
        "decode_tokens_per_second_per_gpu", decode_tokens_per_second_per_gpu
    )
    return unwrapped(prefill / (prefill + decode))
