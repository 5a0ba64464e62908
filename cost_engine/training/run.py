"""Cost of a training run: amortized hardware and energy, acquisition, cloud rental.

Pure arithmetic on floats or arrays, after Cottier et al. 2024, "The rising costs of training
frontier AI models", arXiv:2405.21015. Which price, power and date belong to a model is decided in
``training.published`` (their rules) or by the caller (tracked prices).
"""

from __future__ import annotations

import math
from typing import NamedTuple

from cost_engine import energy
from cost_engine.units import HOURS_PER_YEAR, Number, finite, fraction, positive

PRICE_PERFORMANCE_ORDERS_PER_YEAR = 0.14
"""Trend of price-performance of ML GPUs. [OOM / year] Hobbhahn et al. 2023, Epoch AI."""
INTERCONNECT_FRACTION = 0.19
"""Share of a cluster's price that is the network of the cluster. [1] arXiv:2405.21015."""


class TrainingCost(NamedTuple):
    """Components of the amortized cost of one run or of many [USD, kWh where named]."""

    chip_usd: Number
    server_usd: Number
    interconnect_usd: Number
    energy_usd: Number
    energy_kwh: Number
    total_usd: Number


def replacement_rate_per_hour(
    orders_per_year: Number = PRICE_PERFORMANCE_ORDERS_PER_YEAR,
) -> Number:
    """Return the share of its present value that hardware loses in an hour [1 / h].

    Hardware that improves by ``k`` orders of magnitude a year is best replaced at the rate
    ``k ln 10`` a year: an effective life of 3.1 years for k = 0.14.

    Examples
    --------
    >>> f"{replacement_rate_per_hour():.5e}"
    '3.67741e-05'
    """
    return positive("orders_per_year", orders_per_year) * math.log(10) / HOURS_PER_YEAR


def depreciated_usd(
    price_usd: Number, years: Number, orders_per_year: Number = PRICE_PERFORMANCE_ORDERS_PER_YEAR
) -> Number:
    """Return what a chip bought at ``price_usd`` is worth ``years`` later [USD].

    Parameters
    ----------
    price_usd : float or array
        Price at acquisition, with its share of the server. [USD]
    years : float or array
        Age; negative means a start before the release. [year]
    orders_per_year : float or array
        Price-performance trend. [OOM / year]

    Examples
    --------
    GPT-4: 638 days after buying A100s at 24,875 USD.

    >>> round(depreciated_usd(24_875, 638 / 365.25), 2)
    14165.05
    """
    return positive("price_usd", price_usd) * 10.0 ** (-orders_per_year * finite("years", years))


def amortized_usd(
    value_usd_at_start: Number,
    gpu_hours: Number,
    orders_per_year: Number = PRICE_PERFORMANCE_ORDERS_PER_YEAR,
) -> Number:
    """Return the hardware value that a run uses up [USD].

    Examples
    --------
    >>> round(amortized_usd(14_165.05, 57e6))
    29691711
    """
    rate = replacement_rate_per_hour(orders_per_year)
    return (
        positive("value_usd_at_start", value_usd_at_start) * rate * positive("gpu_hours", gpu_hours)
    )


def interconnect_usd(
    hardware_usd: Number, interconnect_fraction: Number = INTERCONNECT_FRACTION
) -> Number:
    """Return the cluster network that goes with ``hardware_usd`` of servers [USD].

    Examples
    --------
    >>> round(interconnect_usd(29_691_721))
    6964725
    """
    share = fraction("interconnect_fraction", interconnect_fraction, is_zero_allowed=True)
    return hardware_usd * (share / positive("1 - interconnect_fraction", 1 - share))


def run_cost(
    *,
    value_usd_at_start: Number,
    gpu_hours: Number,
    server_overhead: Number,
    board_power_watts: Number,
    server_power_ratio: Number,
    average_power_fraction: Number,
    pue: Number,
    usd_per_kwh: Number,
    orders_per_year: Number = PRICE_PERFORMANCE_ORDERS_PER_YEAR,
    interconnect_fraction: Number = INTERCONNECT_FRACTION,
) -> TrainingCost:
    """Return the amortized hardware and energy cost of a run, by component.

    Parameters
    ----------
    value_usd_at_start : float or array
        Value of one chip with its share of the server when the run starts. [USD]
    gpu_hours : float or array
        [GPU h]
    server_overhead : float or array
        Price of a server over the price of its chips. [1]
    board_power_watts, server_power_ratio, average_power_fraction, pue : float or array
        As in ``energy.energy_kwh``.
    usd_per_kwh : float or array
        [USD / kWh]
    orders_per_year, interconnect_fraction : float or array
        As in ``amortized_usd`` and ``interconnect_usd``.

    Returns
    -------
    TrainingCost
        Broadcast shape of the arguments.

    Examples
    --------
    GPT-4 (arXiv:2405.21015): 57 million A100-hours.

    >>> cost = run_cost(
    ...     value_usd_at_start=14_165.0524, gpu_hours=57e6, server_overhead=1.66,
    ...     board_power_watts=400, server_power_ratio=2.03125, average_power_fraction=0.75,
    ...     pue=1.25, usd_per_kwh=0.0806)
    >>> round(cost.total_usd / 1e6, 4)
    40.1559
    """
    hardware = amortized_usd(value_usd_at_start, gpu_hours, orders_per_year)
    chip = hardware / positive("server_overhead", server_overhead)
    network = interconnect_usd(hardware, interconnect_fraction)
    kwh = energy.energy_kwh(
        gpu_hours, board_power_watts, server_power_ratio, average_power_fraction, pue
    )
    power = energy.electricity_usd(kwh, usd_per_kwh)
    return TrainingCost(chip, hardware - chip, network, power, kwh, hardware + network + power)


def acquisition_usd(
    chip_count: Number,
    price_usd: Number,
    interconnect_fraction: Number = INTERCONNECT_FRACTION,
) -> Number:
    """Return the price of the cluster: chips, servers and the network between them [USD].

    Examples
    --------
    >>> round(acquisition_usd(25_000, 24_875))
    767746914
    """
    share = fraction("interconnect_fraction", interconnect_fraction, is_zero_allowed=True)
    return (
        positive("chip_count", chip_count)
        * positive("price_usd", price_usd)
        / positive("1 - interconnect_fraction", 1 - share)
    )


def rental_usd(usd_per_gpu_hour: Number, gpu_hours: Number) -> Number:
    """Return the price of renting the chips for the run [USD].

    Examples
    --------
    DeepSeek-V3 as its authors price it: 2.788 million H800-hours at 2 USD.

    >>> rental_usd(2.0, 2_788_000)
    5576000.0
    """
    return positive("usd_per_gpu_hour", usd_per_gpu_hour) * positive("gpu_hours", gpu_hours)


def training_usd(
    parameters: Number,
    tokens: Number,
    usd_per_gpu_hour: Number,
    peak_flops_per_second: Number,
    utilisation_fraction: Number,
    goodput_fraction: Number = 1.0,
    runs_multiplier: Number = 1.0,
) -> Number:
    """Return the rental cost of training a dense model [USD].

    Parameters
    ----------
    parameters, tokens : float or array
        Active parameters and training tokens.
    usd_per_gpu_hour, peak_flops_per_second : float or array
        Price [USD / (GPU h)] and dense peak [FLOP / s] of one GPU.
    utilisation_fraction, goodput_fraction : float or array
        MFU and the share of time that advances the run. [1]
    runs_multiplier : float or array
        Compute of all runs (failed and test runs too) over that of the final run. [1]

    Examples
    --------
    GPT-3 on A100s at 1 USD an hour and 46 % MFU.

    >>> round(training_usd(175e9, 300e9, 1.0, 312e12, 0.46))
    609671
    """
    from cost_engine.compute import gpu_hours, training_flops

    hours = gpu_hours(
        training_flops(parameters, tokens),
        peak_flops_per_second,
        utilisation_fraction,
        goodput_fraction,
    )
    return rental_usd(usd_per_gpu_hour, hours) * positive("runs_multiplier", runs_multiplier)
