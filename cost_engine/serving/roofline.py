"""The seconds of one decoding step of a replica: weights, attention, communication, overhead.

Pure arithmetic on floats or arrays that broadcast. The passes over weights and cache are in
``weights`` and ``attention``; ``decode_step`` adds up all parts. What fits in memory belongs to
``room``, the loop of requests to ``loop``, money and energy to ``cost``.

The equations follow Pope et al. 2022 (arXiv 2211.05102), Erdil 2025 (arXiv 2506.04645) and
"Transformer inference arithmetic" (kipply, 2022).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cost_engine.serving.attention import attention_pass
from cost_engine.serving.inputs import Chip, Floats, Load, ModelShape, ServingConstants
from cost_engine.serving.weights import overlapped, weight_pass
from cost_engine.units import Number, unwrapped

ENGINE_VERSION = "2026-11-30.3"
"""Changes when the same inputs and constants give other numbers."""

SPECULATED_TOKENS = 3.0
"""Tokens drafted before each verification with multi-token prediction. [token]"""

ALL_REDUCE_BYTES_PER_WIDTH = 8.0
"""Two ring all-reduces a layer, each sending 16-bit activations twice. [byte]"""


EXCHANGE_OVERLAP_EXPONENT = 4.0
"""How well experts exchange the tokens of a prompt while the GPUs compute. [1]"""

HOST_OVERLAP_EXPONENT = 4.0
"""How well the host works while the GPUs do: near the longer of the two. [1]"""


@dataclass(frozen=True)
class Exchange:
    """Exchange of activations between the GPUs of a replica."""

    seconds_per_step: Number
    seconds_per_token: Number


@dataclass(frozen=True)
class Step:
    """One decoding step of a replica, with the prefill that it carries. All times in seconds."""

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


def accepted_tokens(draft_acceptance: Number, drafted_tokens: Number) -> Number:
    """Return the mean number of tokens that one verified step yields.

    Parameters
    ----------
    draft_acceptance : float or array
        Probability that a drafted token is accepted if those before it were. [1]
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


def exchange(constants: ServingConstants, model: ModelShape, chip: Chip, load: Load) -> Exchange:
    """Return what the exchange of activations takes: two ring all-reduces a layer.

    Parameters
    ----------
    constants : ServingConstants
    model : ModelShape
    chip : Chip
    load : Load

    Returns
    -------
    Exchange

    Examples
    --------
    One GPU exchanges nothing; two exchange half a megabyte per token.

    >>> from dataclasses import replace
    >>> from cost_engine.serving.example import H100_FP8, LLAMA_8B, THOUSAND_IN_AND_OUT
    >>> pair = replace(THOUSAND_IN_AND_OUT, gpu_count=2.0)
    >>> [
    ...     round(1e6 * float(exchange(ServingConstants({}), LLAMA_8B, H100_FP8, load)
    ...         .seconds_per_token), 3)
    ...     for load in (THOUSAND_IN_AND_OUT, pair)
    ... ]
    [0.0, 1.165]
    """
    tensor = load.tensor_gpus
    # Cards on PCIe share the bridges and the memory of the host.
    fabric = np.maximum(tensor / 2, 1.0) ** -constants["pcie_fabric_exponent"]
    link = chip.link_bandwidth_bytes_per_second * np.where(
        chip.is_pcie, constants["pcie_link_efficiency"] * fabric, constants["link_efficiency"]
    )
    # With data-parallel attention a token goes to the GPUs of its experts, not to all.
    reached = np.minimum(np.asarray(model.experts_per_token) / tensor, 1.0)
    return Exchange(
        seconds_per_step=2
        * model.layers
        * constants["hop_seconds"]
        * constants.factor("architecture_hop", chip.architecture)
        * np.log2(tensor) ** constants["hop_exponent"],
        seconds_per_token=ALL_REDUCE_BYTES_PER_WIDTH
        * np.where(load.is_cache_divided, constants["dispatch_factor"] * reached, 1.0)
        * model.layers
        * model.hidden_size
        * (tensor - 1)
        / tensor
        / link,
    )


def overhead_seconds(
    constants: ServingConstants, model: ModelShape, chip: Chip, load: Load, sequences: Number
) -> Number:
    """Return the time of a step in which a GPU neither reads nor computes [s].

    Examples
    --------
    >>> from cost_engine.serving.example import H100_FP8, LLAMA_8B, THOUSAND_IN_AND_OUT
    >>> constants = ServingConstants({"layer_overhead_seconds": 1e-5})
    >>> found = overhead_seconds(constants, LLAMA_8B, H100_FP8, THOUSAND_IN_AND_OUT, 1.0)
    >>> round(1e6 * float(found))
    320
    """
    return (
        model.layers
        * constants["layer_overhead_seconds"]
        * (
            1
            + constants["expert_layer_overhead"] * model.is_mixture_of_experts
            + constants["latent_layer_overhead"] * (np.asarray(model.latent_dimension) > 0)
        )
        * constants.factor("engine_overhead", load.engine)
        * constants.factor("architecture_overhead", chip.architecture)
        * constants["overhead_decline_per_year"] ** -np.asarray(load.years)
        * np.where(chip.is_amd, constants["amd_overhead_factor"], 1.0)
        + constants["step_overhead_seconds"]
        + sequences / attention_copies(load) * constants["sequence_overhead_seconds"]
    )


def attention_copies(load: Load) -> Number:
    """Return the copies of attention in a replica, each with its own sequences and process [1].

    Examples
    --------
    >>> from dataclasses import replace
    >>> from cost_engine.serving.example import THOUSAND_IN_AND_OUT
    >>> float(attention_copies(replace(THOUSAND_IN_AND_OUT, gpu_count=8, is_cache_divided=True)))
    8.0
    """
    return np.where(load.is_cache_divided, load.gpu_count, 1.0)


def prefill_start(constants: ServingConstants, model: ModelShape, load: Load) -> Number:
    """Return the time for which the prompt of a step delays the others, however short it is [s].

    Examples
    --------
    >>> from cost_engine.serving.example import LLAMA_8B, THOUSAND_IN_AND_OUT
    >>> constants = ServingConstants({"prefill_layer_seconds": 1e-4})
    >>> round(1e3 * float(prefill_start(constants, LLAMA_8B, THOUSAND_IN_AND_OUT)), 1)
    3.2
    """
    return (
        model.layers
        * constants["prefill_layer_seconds"]
        * constants.factor("engine_overhead", load.engine)
        * constants["overhead_decline_per_year"] ** -np.asarray(load.years)
    )


def engine_speed(constants: ServingConstants, load: Load) -> Floats:
    """Return by how much engine, year and pipeline speed up everything [1].

    Examples
    --------
    >>> from dataclasses import replace
    >>> from cost_engine.serving.example import THOUSAND_IN_AND_OUT
    >>> next_year = replace(THOUSAND_IN_AND_OUT, years=1.0)
    >>> float(engine_speed(ServingConstants({"speed_growth_per_year": 1.1}), next_year))
    1.1
    """
    stages = np.asarray(load.gpu_count, dtype=float) / load.tensor_gpus
    speed: Floats = (
        constants.factor("engine_speed", load.engine)
        * constants["speed_growth_per_year"] ** np.asarray(load.years)
        * np.where(stages > 1, constants["pipeline_efficiency"], 1.0)
    )
    return speed


def decode_step(
    constants: ServingConstants,
    model: ModelShape,
    chip: Chip,
    load: Load,
    concurrency: Number,
    *,
    carries_prefill: bool = True,
) -> Step:
    """Return the parts of one decoding step with ``concurrency`` sequences running.

    In steady state each step also carries the prefill of the requests that replace those that
    end: ``concurrency / output_tokens`` prompts a step.

    Parameters
    ----------
    constants : ServingConstants
    model : ModelShape
    chip : Chip
    load : Load
    concurrency : float or array
        Sequences in the batch. [sequence]
    carries_prefill : bool
        False where other GPUs do the prefill.

    Returns
    -------
    Step

    Examples
    --------
    >>> from cost_engine.serving.example import H100_FP8, LLAMA_8B, THOUSAND_IN_AND_OUT
    >>> step = decode_step(ServingConstants({}), LLAMA_8B, H100_FP8, THOUSAND_IN_AND_OUT, 1.0)
    >>> round(1e3 * float(step.total), 3)
    2.435
    """
    sequences = np.maximum(concurrency, 1.0)
    drafted = np.where(load.is_speculative, SPECULATED_TOKENS, 0.0)
    accepted = accepted_tokens(constants["draft_acceptance"], drafted)
    decoded = sequences * (1 + drafted)
    prompts_per_step = sequences * accepted / load.output_tokens

    weights = weight_pass(constants, model, chip, load, decoded)
    attention = attention_pass(constants, model, chip, load, sequences, decoded)
    links = exchange(constants, model, chip, load)
    communication = links.seconds_per_step + links.seconds_per_token * decoded
    overhead = overhead_seconds(constants, model, chip, load, sequences)
    # Two halves of a prompt take turns where experts are spread: one computes, one exchanges.
    exponent = np.where(load.is_cache_divided, EXCHANGE_OVERLAP_EXPONENT, 1.0)
    prefill_per_request = overlapped(
        load.input_tokens * weights.prefill_seconds_per_token
        + attention.prefill_seconds_per_request,
        load.input_tokens * links.seconds_per_token,
        exponent,
    )
    # A step that carries a prompt starts its kernels one by one.
    start = -np.expm1(-prompts_per_step) / prompts_per_step * prefill_start(constants, model, load)
    prefill_per_request = prefill_per_request + start
    prefill = prompts_per_step * prefill_per_request * carries_prefill
    device = weights.seconds + prefill + attention.decode_seconds + communication + overhead
    # One process schedules and writes out the tokens of a replica, or of each copy of attention.
    host = decoded * constants["host_sequence_seconds"] / attention_copies(load)
    total = overlapped(device, host, HOST_OVERLAP_EXPONENT)
    speed = engine_speed(constants, load)
    return Step(
        weight_read=weights.read_seconds / speed,
        weight_compute=weights.compute_seconds / speed,
        weights=weights.seconds / speed,
        prefill=prefill / speed,
        cache=attention.decode_seconds / speed,
        communication=communication / speed,
        overhead=overhead / speed,
        total=total / speed,
        accepted_tokens=accepted,
        prefill_per_request=prefill_per_request / speed,
    )
