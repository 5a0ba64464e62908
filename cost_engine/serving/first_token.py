"""How long a user waits for the first token of an answer.

Pure arithmetic on floats or arrays. The prefill alone belongs to ``roofline``, the loop of requests
to ``loop`` and ``pools``.
"""

from __future__ import annotations

import numpy as np

from cost_engine.serving.inputs import Load, ServingConstants
from cost_engine.units import Number


def first_token_seconds(
    constants: ServingConstants,
    load: Load,
    *,
    prefill_seconds: Number,
    running_sequences: Number,
    step_seconds: Number,
    waiting_seconds: Number,
) -> Number:
    """Return the time to the first token of a replica that prefills and decodes.

    Parameters
    ----------
    constants : ServingConstants
    load : Load
    prefill_seconds : float or array
        Of one prompt alone. [s]
    running_sequences : float or array
        Sequences in the batch. [sequence]
    step_seconds : float or array
        Of one decoding step. [s]
    waiting_seconds : float or array
        Until there is room in memory. [s]

    Returns
    -------
    float or array
        [s]

    Notes
    -----
    Users of a closed loop return in groups, as answers that started together end together. A prompt
    therefore waits for a number of others that grows as a power of the batch. Data-parallel
    attention computes a prompt on one GPU of the group.

    Examples
    --------
    >>> from cost_engine.serving.example import THOUSAND_IN_AND_OUT
    >>> float(first_token_seconds(ServingConstants({}), THOUSAND_IN_AND_OUT, prefill_seconds=0.1,
    ...     running_sequences=8, step_seconds=0.01, waiting_seconds=1.0))
    1.11
    """
    growth = constants["first_token_exponent"] * constants.factor(
        "first_token_growth", load.engine_path
    )
    alone = np.where(load.is_cache_divided, load.gpu_count, 1.0) ** constants["divided_prefill"]
    queue = np.maximum(running_sequences, 1.0) ** growth
    prefill = prefill_seconds * alone * queue * constants["first_token_factor"]
    return (
        constants["first_token_start_seconds"] * constants.factor("first_token_start", load.engine)
        + prefill * constants.factor("first_token_prefill", load.engine_path)
        + constants["first_token_steps"] * step_seconds
        + constants["waiting_factor"] * waiting_seconds
    )


def pooled_first_token_seconds(
    constants: ServingConstants,
    load: Load,
    *,
    prefill_seconds: Number,
    waiting_prompts: Number,
    users_per_worker: Number,
    transfer_seconds: Number,
    step_seconds: Number,
) -> Number:
    """Return the time to the first token where other GPUs do the prefill.

    Parameters
    ----------
    constants : ServingConstants
    load : Load
    prefill_seconds : float or array
        Of one prompt alone. [s]
    waiting_prompts : float or array
        At one worker that does prefill, the one in work included. [prompt]
    users_per_worker : float or array
        Of the deployment, for each worker that does prefill. [request]
    transfer_seconds : float or array
        Of the cache to the other pool. [s]
    step_seconds : float or array
        Of one decoding step. [s]

    Returns
    -------
    float or array
        [s]

    Examples
    --------
    >>> from cost_engine.serving.example import THOUSAND_IN_AND_OUT
    >>> float(pooled_first_token_seconds(ServingConstants({}), THOUSAND_IN_AND_OUT,
    ...     prefill_seconds=0.2, waiting_prompts=0.0, users_per_worker=8.0, transfer_seconds=0.05,
    ...     step_seconds=0.01))
    0.26
    """
    # Answers that started together end together, so that users return in groups here too.
    together = constants["pooled_group_fraction"] * np.asarray(users_per_worker)
    prompts_ahead = 1 + np.asarray(waiting_prompts) + together
    return (
        constants["pooled_start_seconds"] * constants.factor("first_token_start", load.engine)
        + constants["pooled_queue_factor"]
        * constants.factor("pooled_prefill", load.engine_path)
        * prefill_seconds
        * prompts_ahead ** constants["pooled_queue_exponent"]
        + transfer_seconds
        + step_seconds
    )
