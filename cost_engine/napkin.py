"""The napkin model of a16z (2023): two FLOPs a parameter and token, a peak and a price.

Pure arithmetic, right within a small factor: a check on finer models. Level 1 is ``serving``.
"""

from __future__ import annotations

import numpy as np

from cost_engine.units import (
    MONTHS_PER_YEAR,
    SECONDS_PER_HOUR,
    Number,
    fraction,
    positive,
    unwrapped,
)

FLOPS_PER_PARAMETER_AND_TOKEN = 2.0
"""One multiplication and one addition for each weight in the forward pass. [FLOP]"""

TOKENS_PER_PRICE = 1000.0
"""Tokens for which a price is quoted. [token]"""

TRAINING_TO_FORWARD = 3.0
"""Forward and backward pass over the forward pass alone. [1]"""

CPU_CORE_FLOPS_PER_SECOND = 3e9
"""One operation a cycle at 3 GHz. [FLOP / s] a16z 2023, "Navigating the High Cost of AI
Compute"."""

ARTICLE_USD_PER_GPU_HOUR = (0.642, 2.0, 4.493)
"""Prices of an A100 hour that the article's dollars imply: 0.0002 and 0.0014 USD a thousand tokens
of GPT-3, and 560,000 USD for its training. [USD / (GPU h)] a16z 2023; see
``usd_per_gpu_hour_implied``."""


def forward_flops(parameters: Number, tokens: Number = 1.0) -> Number:
    """Return the FLOPs to read or write ``tokens`` tokens.

    Parameters
    ----------
    parameters : float or array
        Parameters that a token passes: the active ones of a mixture of experts. [1]
    tokens : float or array
        [token]

    Returns
    -------
    float or array
        [FLOP]

    Examples
    --------
    GPT-3 with a full window of 1,024 tokens ("about 350 trillion").

    >>> f"{forward_flops(175e9, 1024):.3e}"
    '3.584e+14'
    """
    return (
        FLOPS_PER_PARAMETER_AND_TOKEN
        * positive("parameters", parameters)
        * positive("tokens", tokens)
    )


def seconds_of(
    flops: Number, flops_per_second: Number, utilisation_fraction: Number = 1.0
) -> Number:
    """Return how long a chip computes.

    Parameters
    ----------
    flops : float or array
        [FLOP]
    flops_per_second : float or array
        Dense peak of the chip. [FLOP / s]
    utilisation_fraction : float or array
        [1]

    Returns
    -------
    float or array
        [s]

    Examples
    --------
    >>> round(seconds_of(350e12, 312e12), 2)
    1.12
    """
    return positive("flops", flops) / (
        positive("flops_per_second", flops_per_second)
        * fraction("utilisation_fraction", utilisation_fraction)
    )


def usd_of(
    flops: Number,
    flops_per_second: Number,
    usd_per_gpu_hour: Number,
    utilisation_fraction: Number = 1.0,
) -> Number:
    """Return the rental cost of some FLOPs [USD].

    Examples
    --------
    Training GPT-3 on A100s at $2 an hour and full utilisation ("$560,000").

    >>> round(usd_of(3.14e23, 312e12, 2.0))
    559117
    """
    hours = seconds_of(flops, flops_per_second, utilisation_fraction) / SECONDS_PER_HOUR
    return hours * positive("usd_per_gpu_hour", usd_per_gpu_hour)


def usd_per_1k_tokens(
    parameters: Number,
    flops_per_second: Number,
    usd_per_gpu_hour: Number,
    utilisation_fraction: Number = 1.0,
) -> Number:
    """Return the napkin cost of a thousand tokens.

    Parameters
    ----------
    parameters : float or array
        Active parameters. [1]
    flops_per_second : float or array
        Dense peak. [FLOP / s]
    usd_per_gpu_hour : float or array
        [USD / (GPU h)]
    utilisation_fraction : float or array
        [1]

    Returns
    -------
    float or array
        [USD / 10^3 token]

    Examples
    --------
    GPT-3 on an A100 at $1 to $4 an hour ("between $0.0002 and $0.0014").

    >>> [round(usd_per_1k_tokens(175e9, 312e12, price), 5) for price in (1.0, 4.0)]
    [0.00031, 0.00125]
    """
    return usd_of(
        forward_flops(parameters, TOKENS_PER_PRICE),
        flops_per_second,
        usd_per_gpu_hour,
        utilisation_fraction,
    )


def usd_per_gpu_hour_implied(
    usd_per_1k: Number, parameters: Number, flops_per_second: Number
) -> Number:
    """Return the GPU price at which a thousand tokens cost ``usd_per_1k`` [USD / (GPU h)].

    At full utilisation.

    Examples
    --------
    >>> [round(usd_per_gpu_hour_implied(c, 175e9, 312e12), 2) for c in (0.0002, 0.0014)]
    [0.64, 4.49]
    """
    return positive("usd_per_1k", usd_per_1k) / usd_per_1k_tokens(parameters, flops_per_second, 1.0)


def training_to_inference_ratio(training_tokens: Number, tokens: Number) -> Number:
    """Return the FLOPs of training over the FLOPs of one inference [1].

    Examples
    --------
    300 billion tokens against a window of 1,024 ("a billion times longer").

    >>> f"{training_to_inference_ratio(300e9, 1024):.2e}"
    '8.79e+08'
    """
    return (
        TRAINING_TO_FORWARD
        * positive("training_tokens", training_tokens)
        / positive("tokens", tokens)
    )


def quantisation_speed_limit(bits_before: Number, bits_after: Number) -> Number:
    """Return the largest speed-up that fewer bits allow [1]. Measured gains are smaller.

    Examples
    --------
    >>> quantisation_speed_limit(32, 8)
    4.0
    """
    return positive("bits_before", bits_before) / positive("bits_after", bits_after)


def months_to_double(growth_per_year: Number) -> Number:
    """Return the doubling time of a quantity that grows by a factor a year [month].

    Examples
    --------
    >>> round(months_to_double(2.4), 1)
    9.5
    """
    return unwrapped(
        MONTHS_PER_YEAR * np.log(2) / np.log(positive("growth_per_year", growth_per_year))
    )
