"""Requests that arrive at random at replicas, whatever these have answered: an open loop.

Pure arithmetic on floats or arrays. The seconds of a step come from ``roofline``, what fits in
memory from ``room``. Measured results are of closed loops (``loop``): these equations follow from
the same steps and from queueing theory, and no row was measured that could confirm them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cost_engine.serving.first_token import first_token_seconds
from cost_engine.serving.fixed_point import bisected_batch
from cost_engine.serving.inputs import Chip, Floats, Load, ModelShape, ServingConstants
from cost_engine.serving.roofline import decode_step
from cost_engine.serving.room import sequence_limit
from cost_engine.units import Number, positive, unwrapped

HIGH_PERCENTILE = 0.9
"""Share of the requests that do not wait longer than the high waits. [1]"""


@dataclass(frozen=True)
class OpenPoint:
    """A replica under random arrivals. Infinite waits where it cannot keep up."""

    utilisation_fraction: Number  # arrivals over the most that the replica serves
    running_sequences: Number
    time_per_output_token_seconds: Number
    time_to_first_token_seconds: Number  # mean
    time_to_first_token_high_seconds: Number  # 90 % wait no longer


def open_loop(
    constants: ServingConstants,
    model: ModelShape,
    chip: Chip,
    load: Load,
    requests_per_second: Number,
    most_sequences: Number,
) -> OpenPoint:
    """Return latencies of a replica at which requests arrive independently of each other.

    Parameters
    ----------
    constants : ServingConstants
    model : ModelShape
    chip : Chip
    load : Load
    requests_per_second : float or array
        Mean arrivals, Poisson. [1 / s]
    most_sequences : float or array
        Largest batch that the engine runs; memory may hold fewer. [sequence]

    Returns
    -------
    OpenPoint

    Notes
    -----
    By Little's law ``rate x cycle(b) = b`` sequences run, as in the closed loop. A prompt waits for
    the prompts ahead of it, whose lengths are equal (M/D/1, of which the 90th percentile is that of
    an exponential with the same mean and chance to wait), and for a place in the batch if all are
    taken (M/M/c with as many servers as places). The two 90th percentiles are added, which is an
    upper bound. See Kleinrock, Queueing Systems I (1975).

    Examples
    --------
    A little more than half of what an ideal H100 can serve.

    >>> from cost_engine.serving.example import H100_FP8, LLAMA_8B, THOUSAND_IN_AND_OUT
    >>> point = open_loop(
    ...     ServingConstants({}), LLAMA_8B, H100_FP8, THOUSAND_IN_AND_OUT, 10.0, 256.0)
    >>> round(float(point.utilisation_fraction), 2), round(float(point.running_sequences))
    (0.56, 45)
    """
    rate = np.asarray(positive("requests_per_second", requests_per_second), dtype=float)
    limit = np.asarray(sequence_limit(constants, model, chip, load))
    places = np.maximum(np.floor(np.minimum(limit, most_sequences)), 1.0)

    def cycle(batch: Floats) -> Floats:
        step = decode_step(constants, model, chip, load, batch)
        seconds: Floats = load.output_tokens / step.accepted_tokens * np.asarray(step.total)
        return seconds

    def is_short(batch: Floats) -> NDArray[np.bool_]:
        return np.asarray(batch < rate * cycle(batch))

    keeps_up = (limit >= 1) & (rate * cycle(places) < places)
    running = bisected_batch(is_short, places * np.ones_like(rate))
    step = decode_step(constants, model, chip, load, running)
    prefill = np.asarray(step.prefill_per_request)
    busy = np.minimum(rate * prefill, 1.0)
    ahead, ahead_high = _waits(busy, prefill / 2, 1 - busy)
    service = cycle(running)
    chance = erlang_c(places, np.minimum(running, places * (1 - 1e-12)))
    place, place_high = _waits(chance, service, places - running)
    first = np.asarray(
        first_token_seconds(
            constants,
            load,
            prefill_seconds=prefill,
            running_sequences=1.0,
            step_seconds=step.total,
            waiting_seconds=0.0,
        )
    )
    own = np.asarray(step.prefill_per_request) / load.output_tokens
    per_token = np.asarray(step.total) / step.accepted_tokens - own

    def known(value: Number) -> Number:
        return unwrapped(np.where(keeps_up, value, np.inf))

    return OpenPoint(
        utilisation_fraction=unwrapped(rate * cycle(places) / places),
        running_sequences=unwrapped(running),
        time_per_output_token_seconds=known(per_token),
        time_to_first_token_seconds=known(first + ahead + place),
        time_to_first_token_high_seconds=known(first + ahead_high + place_high),
    )


def _waits(chance: Floats, service: Floats, free: Floats) -> tuple[Floats, Floats]:
    """Return the mean and the 90th percentile of a wait that is exponential if there is one [s]."""
    with np.errstate(divide="ignore", invalid="ignore"):
        each = service / free
        mean = np.where(chance > 0, chance * each, 0.0)
        tail = np.log(np.maximum(chance / (1 - HIGH_PERCENTILE), 1.0))
        return mean, np.where(tail > 0, each * tail, 0.0)


def erlang_c(servers: Floats, offered: Floats) -> Floats:
    """Return the chance that a request finds every server taken.

    Parameters
    ----------
    servers : array
        [1]
    offered : array
        Mean number of servers at work, below ``servers``. [1]

    Returns
    -------
    array of float
        [1]

    Examples
    --------
    One server is taken for as much of the time as it works. Ten of which eight work on average:

    >>> erlang_c(np.array([1.0, 10.0]), np.array([0.6, 8.0])).round(4)
    array([0.6   , 0.4092])
    """
    from scipy.special import gammaincc, gammaln  # slow to load

    log_all = servers * np.log(offered) - offered - gammaln(servers + 1)
    blocked = np.exp(log_all) / gammaincc(servers + 1, offered)
    use = offered / servers
    chance: Floats = blocked / (1 - use * (1 - blocked))
    return chance
