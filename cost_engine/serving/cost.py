"""Cost of served tokens: money, energy and carbon where the speed is known.

Pure arithmetic on floats or arrays. How fast a replica is belongs to ``loop`` and ``replicas``;
prices, grids and workloads come in as arguments.
"""

from __future__ import annotations

import numpy as np

from cost_engine.units import (
    HOURS_PER_DAY,
    MILLION,
    SECONDS_PER_HOUR,
    WATTS_PER_KILOWATT,
    Number,
    fraction,
    non_negative,
    positive,
    unwrapped,
)

THOUSAND = 1e3

INPUT_SHARE = 0.75
"""Three tokens in for one out: the mix in which list prices are commonly compared. [1]"""

IDLE_POWER_FRACTION = 0.3
"""Power of a server without work over its power under load. An assumption: the middle of the range
0.15 to 0.45 that owning assumes too. [1]"""


def usd_per_hour(usd_per_gpu_hour: Number, gpu_count: Number) -> Number:
    """Return the price of a whole replica for an hour [USD / h].

    Examples
    --------
    >>> usd_per_hour(2.5, 8)
    20.0
    """
    return usd_per_gpu_hour * gpu_count


def usd_per_million_tokens(
    usd_per_gpu_hour: Number, gpu_count: Number, tokens_per_second: Number
) -> Number:
    """Return the rental cost of one million tokens.

    Parameters
    ----------
    usd_per_gpu_hour : float or array
        Price of one GPU. [USD / (GPU h)]
    gpu_count : float or array
        GPUs that one replica holds. [GPU]
    tokens_per_second : float or array
        Sustained throughput of the replica, NaN where it is unknown. [token / s]

    Returns
    -------
    float or array
        [USD / 10^6 token]

    Raises
    ------
    ValueError
        If a throughput is zero or negative.

    Examples
    --------
    >>> round(usd_per_million_tokens(2.0, 8, 2500.0), 4)
    1.7778
    >>> usd_per_million_tokens(2.0, 8, 0.0)
    Traceback (most recent call last):
    ValueError: tokens_per_second = 0.0: must be above 0
    """
    speed = np.asarray(tokens_per_second, dtype=float)
    if bool((speed <= 0).any()):
        raise ValueError(f"tokens_per_second = {float(speed[speed <= 0].flat[0])}: must be above 0")
    return unwrapped(usd_per_gpu_hour * gpu_count * MILLION / (SECONDS_PER_HOUR * speed))


def serving_usd_per_1k_tokens(
    usd_per_gpu_hour: Number,
    tokens_per_second_per_gpu: Number,
    fleet_utilisation_fraction: Number = 1.0,
) -> Number:
    """Return the rental cost of a thousand tokens, input and output counted alike.

    Parameters
    ----------
    usd_per_gpu_hour : float or array
        [USD / (GPU h)]
    tokens_per_second_per_gpu : float or array
        Input and output tokens of the replica over its GPUs, when it is full. [token / (s GPU)]
    fleet_utilisation_fraction : float or array
        Mean over peak demand: GPUs that are rented for the peak are idle at other times. [1]

    Returns
    -------
    float or array
        [USD / 10^3 token]

    Examples
    --------
    >>> round(serving_usd_per_1k_tokens(2.0, 2500.0, 0.5), 7)
    0.0004444
    """
    return unwrapped(
        usd_per_million_tokens(usd_per_gpu_hour, 1.0, tokens_per_second_per_gpu)
        / THOUSAND
        / fraction("fleet_utilisation_fraction", fleet_utilisation_fraction)
    )


def provisioned_usd_per_million_tokens(
    usd_per_1k_tokens: Number, fleet_utilisation_fraction: Number
) -> Number:
    """Return the cost of a million tokens on a fleet sized for its peak [USD / 10^6 token].

    Parameters
    ----------
    usd_per_1k_tokens : float or array
        With the replica always full. [USD / 10^3 token]
    fleet_utilisation_fraction : float or array
        Mean over peak demand. [1]

    Examples
    --------
    >>> provisioned_usd_per_million_tokens(0.001, 0.5)
    2.0
    """
    return (
        usd_per_1k_tokens
        * THOUSAND
        / fraction("fleet_utilisation_fraction", fleet_utilisation_fraction)
    )


def usd_per_1k_tokens_split(
    usd_per_gpu_hour: Number,
    gpu_count: Number,
    requests_per_second: Number,
    prefill_fraction: Number,
    input_tokens: Number,
    output_tokens: Number,
    fleet_utilisation_fraction: Number = 1.0,
) -> tuple[Number, Number]:
    """Return the cost of a thousand input and of a thousand output tokens, by their share of time.

    Parameters
    ----------
    usd_per_gpu_hour : float or array
        [USD / (GPU h)]
    gpu_count : float or array
        [GPU]
    requests_per_second : float or array
        Of the replica. [1 / s]
    prefill_fraction : float or array
        Share of the replica's time that prompts take. [1]
    input_tokens, output_tokens : float or array
        Of one request. [token]
    fleet_utilisation_fraction : float or array
        Mean over peak demand. [1]

    Returns
    -------
    tuple of float or array
        Input and output price; they add up to the cost of the request. [USD / 10^3 token]

    Examples
    --------
    >>> split = usd_per_1k_tokens_split(3.6, 1, 1.0, 0.25, 3000, 1000)
    >>> tuple(round(part, 9) for part in split)
    (8.3333e-05, 0.00075)
    """
    share = fraction("prefill_fraction", prefill_fraction, is_zero_allowed=True)
    request = (
        usd_per_gpu_hour
        * gpu_count
        / SECONDS_PER_HOUR
        / requests_per_second
        / fraction("fleet_utilisation_fraction", fleet_utilisation_fraction)
    )
    return (
        unwrapped(request * share / input_tokens * THOUSAND),
        unwrapped(request * (1 - share) / output_tokens * THOUSAND),
    )


def blended_usd(usd_input: Number, usd_output: Number, input_share: Number = INPUT_SHARE) -> Number:
    """Return the price of mixed tokens, three in for one out by default [USD / 10^3 token].

    Both prices must come from the same mix as ``input_share``. A split that was computed at
    another ratio of lengths blends to a cost that no request has.

    Examples
    --------
    >>> blended_usd(1.0, 5.0)
    2.0
    """
    share = fraction("input_share", input_share, is_zero_allowed=True)
    return unwrapped(share * np.asarray(usd_input) + (1 - share) * np.asarray(usd_output))


def cached_input_usd(usd_input: Number, usd_cached: Number, hit_fraction: Number) -> Number:
    """Return the mean price of input tokens of which some are read from a prefix cache.

    Parameters
    ----------
    usd_input, usd_cached : float or array
        Price of computed and of cached tokens, in any unit.
    hit_fraction : float or array
        Share of the input tokens that the cache holds. [1]

    Returns
    -------
    float or array
        In the unit of the prices.

    Examples
    --------
    >>> round(cached_input_usd(1.0, 0.1, 0.563), 4)
    0.4933
    """
    hit = fraction("hit_fraction", hit_fraction, is_zero_allowed=True)
    return unwrapped(np.asarray(usd_input) * (1 - hit) + np.asarray(usd_cached) * hit)


def computed_input_tokens(input_tokens: Number, hit_fraction: Number) -> Number:
    """Return the prompt tokens that still need prefill beside those in the cache [token].

    Examples
    --------
    >>> computed_input_tokens(8000, 0.5)
    4000.0
    """
    return positive("input_tokens", input_tokens) * (
        1 - fraction("hit_fraction", hit_fraction, is_zero_allowed=True)
    )


def margin_fraction(cost: Number, price: Number) -> Number:
    """Return the share of the price that is left after the cost: 1 - cost / price [1].

    Examples
    --------
    DeepSeek, 2025-03: a cost of $87,072 against $562,027 at list price.

    >>> round(margin_fraction(87_072, 562_027), 3)
    0.845
    """
    return 1 - non_negative("cost", cost) / positive("price", price)


def markup_fraction(cost: Number, price: Number) -> Number:
    """Return what the price adds to the cost: price / cost - 1 [1]. This is not the margin.

    Examples
    --------
    The same figures: "545 %".

    >>> round(markup_fraction(87_072, 562_027), 2)
    5.45
    """
    return positive("price", price) / positive("cost", cost) - 1


def break_even_tokens_per_day(
    usd_per_gpu_hour: Number, gpu_count: Number, usd_per_million_tokens_bought: Number
) -> Number:
    """Return the tokens a day above which a rented replica is cheaper than bought tokens.

    The replica must also be able to serve them: compare with its throughput. [token / day]

    Examples
    --------
    >>> round(break_even_tokens_per_day(2.0, 8, 0.5) / 1e6)
    768
    """
    usd_per_day = (
        positive("usd_per_gpu_hour", usd_per_gpu_hour)
        * positive("gpu_count", gpu_count)
        * HOURS_PER_DAY
    )
    bought = positive("usd_per_million_tokens_bought", usd_per_million_tokens_bought)
    return usd_per_day / bought * MILLION


def watt_hours_per_1k_tokens(
    facility_watts: Number,
    tokens_per_second_per_gpu: Number,
    fleet_utilisation_fraction: Number = 1.0,
    idle_power_fraction: Number = IDLE_POWER_FRACTION,
) -> Number:
    """Return the energy from the grid for a thousand tokens.

    Parameters
    ----------
    facility_watts : float or array
        All-in power of one GPU under load: server, network, cooling. [W]
    tokens_per_second_per_gpu : float or array
        Input and output, when the replica is full. [token / (s GPU)]
    fleet_utilisation_fraction : float or array
        Mean over peak demand. [1]
    idle_power_fraction : float or array
        Power without work over power under load. [1]

    Returns
    -------
    float or array
        [W h / 10^3 token]

    Examples
    --------
    An H200 (1.73 kW with everything) at 3,000 tokens a second, always full.

    >>> round(watt_hours_per_1k_tokens(1730, 3000), 4)
    0.1602
    """
    use = fraction("fleet_utilisation_fraction", fleet_utilisation_fraction)
    idle = fraction("idle_power_fraction", idle_power_fraction, is_zero_allowed=True)
    mean_watts = facility_watts * (use + (1 - use) * idle)
    return unwrapped(
        mean_watts / SECONDS_PER_HOUR * THOUSAND / (np.asarray(tokens_per_second_per_gpu) * use)
    )


def grams_co2(watt_hours: Number, grams_co2e_per_kwh: Number) -> Number:
    """Return location-based emissions [gCO2e].

    Examples
    --------
    >>> grams_co2(500, 400)
    200.0
    """
    return (
        non_negative("watt_hours", watt_hours)
        / WATTS_PER_KILOWATT
        * non_negative("grams_co2e_per_kwh", grams_co2e_per_kwh)
    )
