"""Cost of served tokens and of FLOPs: money, energy and carbon where the speed is known.

Pure arithmetic on floats or arrays. How fast a replica is belongs to ``serving``; prices, grids
and workloads come in as arguments.
"""

from __future__ import annotations

import math

import numpy as np

from cost_engine.units import (
    EXAFLOP,
    GIGABYTE,
    HOURS_PER_YEAR,
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
TERABYTE = 1e12
"""[byte]"""
SECONDS_PER_DAY = 86_400.0


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
        Sustained throughput of the replica; not a number where it is unknown. [token / s]

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
    usd_per_gpu_hour: Number, tokens_per_second_per_gpu: Number, utilisation_fraction: Number = 1.0
) -> Number:
    """Return the rental cost of a thousand tokens, input and output counted alike.

    Parameters
    ----------
    usd_per_gpu_hour : float or array
        [USD / (GPU h)]
    tokens_per_second_per_gpu : float or array
        Input and output tokens of the replica over its GPUs, when it is full. [token / (s GPU)]
    utilisation_fraction : float or array
        Mean over peak demand: what is provisioned for the peak stands idle otherwise. [1]

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
        / fraction("utilisation_fraction", utilisation_fraction)
    )


def usd_per_1k_tokens_split(
    usd_per_gpu_hour: Number,
    gpu_count: Number,
    requests_per_second: Number,
    prefill_share: Number,
    input_tokens: Number,
    output_tokens: Number,
    utilisation_fraction: Number = 1.0,
) -> tuple[Number, Number]:
    """Return what a thousand input and a thousand output tokens cost, by their share of the time.

    Parameters
    ----------
    usd_per_gpu_hour : float or array
        [USD / (GPU h)]
    gpu_count : float or array
        [GPU]
    requests_per_second : float or array
        Of the replica. [1 / s]
    prefill_share : float or array
        Share of the replica's time that prompts take. [1]
    input_tokens, output_tokens : float or array
        Of one request. [token]
    utilisation_fraction : float or array
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
    share = fraction("prefill_share", prefill_share, is_zero_allowed=True)
    request = (
        usd_per_gpu_hour
        * gpu_count
        / SECONDS_PER_HOUR
        / requests_per_second
        / fraction("utilisation_fraction", utilisation_fraction)
    )
    return (
        unwrapped(request * share / input_tokens * THOUSAND),
        unwrapped(request * (1 - share) / output_tokens * THOUSAND),
    )


def blended_usd(usd_input: Number, usd_output: Number, input_share: Number = 0.75) -> Number:
    """Return the price of mixed tokens, three in for one out unless said otherwise.

    Both prices must come from the same mix as ``input_share``: a split found at another ratio of
    lengths blends to a cost nobody has.

    Examples
    --------
    >>> blended_usd(1.0, 5.0)
    2.0
    """
    share = fraction("input_share", input_share, is_zero_allowed=True)
    return unwrapped(share * np.asarray(usd_input) + (1 - share) * np.asarray(usd_output))


def cached_input_usd(usd_input: Number, usd_cached: Number, hit_fraction: Number) -> Number:
    """Return the mean price of an input token where some prefixes are in the cache.

    Examples
    --------
    >>> round(cached_input_usd(1.0, 0.1, 0.563), 4)
    0.4933
    """
    hit = fraction("hit_fraction", hit_fraction, is_zero_allowed=True)
    return unwrapped(np.asarray(usd_input) * (1 - hit) + np.asarray(usd_cached) * hit)


def computed_input_tokens(input_tokens: Number, hit_fraction: Number) -> Number:
    """Return the prompt tokens that still need prefill when prefixes come from the cache.

    Examples
    --------
    >>> computed_input_tokens(8000, 0.5)
    4000.0
    """
    return positive("input_tokens", input_tokens) * (
        1 - fraction("hit_fraction", hit_fraction, is_zero_allowed=True)
    )


def margin_fraction(cost: Number, price: Number) -> Number:
    """Return the share of the price that is left: 1 - cost / price.

    Examples
    --------
    DeepSeek, 2025-03: a cost of $87,072 against $562,027 at list price.

    >>> round(margin_fraction(87_072, 562_027), 3)
    0.845
    """
    return 1 - non_negative("cost", cost) / positive("price", price)


def markup_fraction(cost: Number, price: Number) -> Number:
    """Return what is put on top of the cost: price / cost - 1. Not the margin.

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
    """Return the daily tokens from which a rented replica is cheaper than bought tokens.

    The replica must also be able to serve them; compare with its throughput.

    Examples
    --------
    >>> round(break_even_tokens_per_day(2.0, 8, 0.5) / 1e6)
    768
    """
    usd_per_day = (
        positive("usd_per_gpu_hour", usd_per_gpu_hour)
        * positive("gpu_count", gpu_count)
        * SECONDS_PER_DAY
        / SECONDS_PER_HOUR
    )
    bought = positive("usd_per_million_tokens_bought", usd_per_million_tokens_bought)
    return usd_per_day / bought * MILLION


def watt_hours_per_1k_tokens(
    facility_watts_per_gpu: Number,
    tokens_per_second_per_gpu: Number,
    utilisation_fraction: Number = 1.0,
    idle_power_fraction: Number = 0.3,
) -> Number:
    """Return the energy that a thousand tokens take from the grid.

    Parameters
    ----------
    facility_watts_per_gpu : float or array
        All-in power of one GPU under load: server, network, cooling. [W]
    tokens_per_second_per_gpu : float or array
        Input and output, when the replica is full. [token / (s GPU)]
    utilisation_fraction : float or array
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
    use = fraction("utilisation_fraction", utilisation_fraction)
    idle = fraction("idle_power_fraction", idle_power_fraction, is_zero_allowed=True)
    mean_watts = facility_watts_per_gpu * (use + (1 - use) * idle)
    return unwrapped(
        mean_watts / SECONDS_PER_HOUR * THOUSAND / (np.asarray(tokens_per_second_per_gpu) * use)
    )


def grams_co2(watt_hours: Number, grams_per_kilowatt_hour: Number) -> Number:
    """Return location-based emissions [gCO2e].

    Examples
    --------
    >>> grams_co2(500, 400)
    200.0
    """
    return (
        non_negative("watt_hours", watt_hours)
        / WATTS_PER_KILOWATT
        * non_negative("grams_per_kilowatt_hour", grams_per_kilowatt_hour)
    )


def usd_per_exaflop(
    usd_per_gpu_hour: Number, flops_per_second: Number, utilisation_fraction: Number = 1.0
) -> Number:
    """Return the rental cost of 10^18 FLOPs, at the dense peak or at a share of it.

    Parameters
    ----------
    usd_per_gpu_hour : float or array
        [USD / (GPU h)]
    flops_per_second : float or array
        Dense peak, never the one with structured sparsity. [FLOP / s]
    utilisation_fraction : float or array
        1 for the peak; 0.4 is common in training, 0.5 to 0.75 in prefill. [1]

    Returns
    -------
    float or array
        [USD / 10^18 FLOP]

    Examples
    --------
    An H100 at $1.30 an hour, 16 bits.

    >>> round(usd_per_exaflop(1.30, 989e12), 3)
    0.365
    """
    return (
        positive("usd_per_gpu_hour", usd_per_gpu_hour)
        / SECONDS_PER_HOUR
        * EXAFLOP
        / positive("flops_per_second", flops_per_second)
        / fraction("utilisation_fraction", utilisation_fraction)
    )


def usd_per_gigabyte_hour(usd_per_gpu_hour: Number, memory_bytes: Number) -> Number:
    """Return what an hour of a gigabyte of GPU memory costs [USD / (GB h)].

    Examples
    --------
    >>> usd_per_gigabyte_hour(1.30, 80e9)
    0.01625
    """
    gigabytes = positive("memory_bytes", memory_bytes) / GIGABYTE
    return positive("usd_per_gpu_hour", usd_per_gpu_hour) / gigabytes


def usd_per_terabyte_per_second_hour(
    usd_per_gpu_hour: Number, bandwidth_bytes_per_second: Number
) -> Number:
    """Return what an hour of a terabyte a second costs, the price of decoding [USD s / (TB h)].

    Examples
    --------
    >>> round(usd_per_terabyte_per_second_hour(1.30, 3.35e12), 3)
    0.388
    """
    terabytes = positive("bandwidth_bytes_per_second", bandwidth_bytes_per_second) / TERABYTE
    return positive("usd_per_gpu_hour", usd_per_gpu_hour) / terabytes


def balance_intensity(flops_per_second: Number, bandwidth_bytes_per_second: Number) -> Number:
    """Return the FLOPs per byte at which a chip is bound by neither [FLOP / byte].

    Examples
    --------
    >>> round(balance_intensity(989e12, 3.35e12))
    295
    """
    return positive("flops_per_second", flops_per_second) / positive(
        "bandwidth_bytes_per_second", bandwidth_bytes_per_second
    )


def capital_recovery_fraction(interest_per_year: Number, years: Number) -> Number:
    """Return the yearly payment on a capital of 1 that is paid off in ``years`` [1 / year].

    Examples
    --------
    >>> round(capital_recovery_fraction(0.10, 4), 4)
    0.3155
    >>> capital_recovery_fraction(0.0, 4)
    0.25
    """
    rate = np.asarray(non_negative("interest_per_year", interest_per_year), dtype=float)
    term = positive("years", years)
    growth = (1 + rate) ** term
    with np.errstate(divide="ignore", invalid="ignore"):
        paid = np.where(rate > 0, rate * growth / (growth - 1), 1 / np.asarray(term))
    return unwrapped(paid)


def usd_per_exaflop_owned(
    purchase_usd: Number,
    interest_per_year: Number,
    years: Number,
    in_use_fraction: Number,
    facility_watts: Number,
    usd_per_kilowatt_hour: Number,
    operation_usd_per_hour: Number,
    flops_per_second: Number,
    utilisation_fraction: Number,
) -> Number:
    """Return the cost of 10^18 FLOPs on a GPU of one's own. Not to be mixed with rental.

    Parameters
    ----------
    purchase_usd : float or array
        GPU with its share of server and network. [USD]
    interest_per_year : float or array
        [1 / year]
    years : float or array
        Until it is paid off. [year]
    in_use_fraction : float or array
        Share of the hours that it works. [1]
    facility_watts : float or array
        With server and cooling. [W]
    usd_per_kilowatt_hour, operation_usd_per_hour : float or array
        [USD / kWh], [USD / h]
    flops_per_second : float or array
        Dense peak. [FLOP / s]
    utilisation_fraction : float or array
        Of the peak while it works. [1]

    Returns
    -------
    float or array
        [USD / 10^18 FLOP]

    Examples
    --------
    >>> round(usd_per_exaflop_owned(40e3, 0.1, 4, 0.8, 1730, 0.08, 0.1, 989e12, 0.4), 2)
    1.43
    """
    yearly = positive("purchase_usd", purchase_usd) * capital_recovery_fraction(
        interest_per_year, years
    )
    per_hour = (
        yearly / (HOURS_PER_YEAR * fraction("in_use_fraction", in_use_fraction))
        + facility_watts / WATTS_PER_KILOWATT * usd_per_kilowatt_hour
        + operation_usd_per_hour
    )
    return usd_per_exaflop(per_hour, flops_per_second, utilisation_fraction)


def interval(centre: Number, log_standard_deviation: Number, quantile: float = 1.645) -> Number:
    """Return low and high of a quantity whose error is a factor.

    Parameters
    ----------
    centre : float or array
    log_standard_deviation : float or array
        Of the natural logarithm of the error. [1]
    quantile : float
        1.645 for an interval of 90 %. [1]

    Returns
    -------
    tuple of float or array

    Examples
    --------
    >>> [round(bound, 2) for bound in interval(1.0, 0.2)]
    [0.72, 1.39]
    """
    factor = np.exp(quantile * np.asarray(log_standard_deviation, dtype=float))
    return unwrapped(np.asarray(centre) / factor), unwrapped(np.asarray(centre) * factor)


def extrapolation_factor(value: Number, low: float, high: float) -> Number:
    """Return how many times beyond the measured range a value lies, 1 inside it.

    Examples
    --------
    >>> extrapolation_factor(64, 1, 32), extrapolation_factor(8, 1, 32)
    (2.0, 1.0)
    """
    inside = np.clip(value, low, high)
    return unwrapped(np.maximum(np.asarray(value) / inside, inside / np.asarray(value)))


def widened(log_standard_deviation: Number, *factors: Number) -> Number:
    """Return the spread of an error beyond the measured range: half as much again per doubling.

    Examples
    --------
    >>> round(widened(0.2, 2.0), 3), widened(0.2, 1.0)
    (0.3, 0.2)
    """
    doublings = sum(np.log2(np.asarray(factor, dtype=float)) for factor in factors) / math.log2(2)
    return unwrapped(np.asarray(log_standard_deviation) * (1 + 0.5 * np.asarray(doublings)))


def usable_prefill_share(prefill_seconds: Number, cycle_seconds: Number) -> Number:
    """Return the share of a replica's cycle that prompts take, between 0 and 1.

    Examples
    --------
    >>> usable_prefill_share(2.0, 8.0)
    0.25
    """
    return unwrapped(np.clip(np.asarray(prefill_seconds) / np.asarray(cycle_seconds), 0.0, 1.0))


def is_efficient(cost: Number, pace: Number) -> Number:
    """Return which points no other point beats in both cost and pace: the Pareto frontier.

    Parameters
    ----------
    cost : array
        Smaller is better, one dimension. [any]
    pace : array
        Larger is better, same length. [any]

    Returns
    -------
    array of bool

    Examples
    --------
    >>> is_efficient(np.array([1.0, 2.0, 3.0]), np.array([10.0, 30.0, 20.0])).tolist()
    [True, True, False]
    """
    price, speed = np.asarray(cost, dtype=float), np.asarray(pace, dtype=float)
    order = np.lexsort((-speed, price))
    best = np.maximum.accumulate(np.concatenate([[-np.inf], speed[order][:-1]]))
    result = np.zeros(len(price), dtype=bool)
    result[order] = speed[order] > best
    return result
