"""Power, energy, electricity cost and carbon of accelerators.

Every figure of a chip, a site or a country comes in as an argument. The defaults are those of the
published method and carry their source; how they were chosen is in ``docs/methodology``.
"""

from __future__ import annotations

from cost_engine.units import (
    SECONDS_PER_HOUR,
    WATTS_PER_KILOWATT,
    Number,
    fraction,
    non_negative,
    positive,
)


def server_kilowatts_per_chip(
    board_power_watts: Number, server_power_ratio: Number, pue: Number
) -> Number:
    """Return the site power that one chip can draw, with its share of the server and of cooling.

    Parameters
    ----------
    board_power_watts : float or array
        Thermal design power of the chip. [W]
    server_power_ratio : float or array
        Server power over the power of its chips, at least 1. [1]
    pue : float or array
        Power usage effectiveness of the site, at least 1. [1]

    Returns
    -------
    float or array
        [kW]

    Examples
    --------
    >>> round(server_kilowatts_per_chip(400, 2.03125, 1.25), 5)
    1.01562
    """
    return (
        positive("board_power_watts", board_power_watts)
        / WATTS_PER_KILOWATT
        * positive("server_power_ratio", server_power_ratio)
        * positive("pue", pue)
    )


def energy_kwh(
    gpu_hours: Number,
    board_power_watts: Number,
    server_power_ratio: Number,
    average_power_fraction: Number,
    pue: Number,
) -> Number:
    """Return the energy that ``gpu_hours`` take from the grid.

    Parameters
    ----------
    gpu_hours : float or array
        [GPU h]
    board_power_watts, server_power_ratio, pue : float or array
        As in ``server_kilowatts_per_chip``.
    average_power_fraction : float or array
        Average over peak power while the job runs. [1]

    Returns
    -------
    float or array
        [kWh]

    Examples
    --------
    GPT-4 on A100s (arXiv:2405.21015).

    >>> round(energy_kwh(57e6, 400, 2.03125, 0.75, 1.25))
    43417969
    """
    kilowatts = server_kilowatts_per_chip(board_power_watts, server_power_ratio, pue) * fraction(
        "average_power_fraction", average_power_fraction
    )
    return positive("gpu_hours", gpu_hours) * kilowatts


def electricity_usd(kwh: Number, usd_per_kwh: Number) -> Number:
    """Return the price of ``kwh`` [USD].

    Examples
    --------
    >>> round(electricity_usd(43_417_968.75, 0.0806))
    3499488
    """
    return non_negative("kwh", kwh) * non_negative("usd_per_kwh", usd_per_kwh)


def carbon_kg(kwh: Number, grams_co2e_per_kwh: Number) -> Number:
    """Return location-based emissions.

    Parameters
    ----------
    kwh : float or array
        [kWh]
    grams_co2e_per_kwh : float or array
        Grid intensity of the place and year. [gCO2e / kWh]

    Returns
    -------
    float or array
        [kgCO2e]

    Examples
    --------
    >>> carbon_kg(1_000, 400)
    400.0
    """
    grams_per_kilogram = 1e3
    return (
        non_negative("kwh", kwh)
        * non_negative("grams_co2e_per_kwh", grams_co2e_per_kwh)
        / grams_per_kilogram
    )


def measured_energy_kwh(gpu_hours: Number, measured_watts: Number, pue: Number) -> Number:
    """Return the energy from a measured average draw per chip (server share included).

    Examples
    --------
    PaLM: 378.5 W a chip at PUE 1.08.

    >>> round(measured_energy_kwh(8_404_992, 378.5, 1.08) / 1e3)
    3436
    """
    return (
        positive("gpu_hours", gpu_hours)
        * positive("measured_watts", measured_watts)
        * positive("pue", pue)
        / WATTS_PER_KILOWATT
    )


def embodied_grams_per_1k_tokens(
    embodied_kg_co2e: Number,
    lifetime_hours: Number,
    tokens_per_second_per_gpu: Number,
    fleet_utilisation_fraction: Number = 1.0,
) -> Number:
    """Return the share of making a GPU that a thousand of its tokens carry.

    Parameters
    ----------
    embodied_kg_co2e : float or array
        Of one GPU, from the raw material to the gate of the factory. [kgCO2e]
    lifetime_hours : float or array
        Over which it is written off. [h]
    tokens_per_second_per_gpu : float or array
        Input and output, when the replica is full. [token / (s GPU)]
    fleet_utilisation_fraction : float or array
        Mean over peak demand. [1]

    Returns
    -------
    float or array
        [gCO2e / 10^3 token]

    Examples
    --------
    An H100 of 164 kg, five years, 3,000 tokens a second for half of the time.

    >>> round(embodied_grams_per_1k_tokens(164, 43_800, 3_000, 0.5), 6)
    0.000693
    """
    thousands = (
        positive("lifetime_hours", lifetime_hours)
        * SECONDS_PER_HOUR
        * positive("tokens_per_second_per_gpu", tokens_per_second_per_gpu)
        * fraction("fleet_utilisation_fraction", fleet_utilisation_fraction)
        / 1e3
    )
    grams_per_kilogram = 1e3
    return embodied_kg_co2e * grams_per_kilogram / thousands


def site_water_litres(kwh: Number, litres_per_kwh: Number, pue: Number) -> Number:
    """Return the water of a site: published over the energy of servers, ``kwh`` is all of it.

    Examples
    --------
    >>> round(site_water_litres(110, 0.12, 1.1), 3)
    12.0
    """
    return (
        non_negative("kwh", kwh)
        / positive("pue", pue)
        * non_negative("litres_per_kwh", litres_per_kwh)
    )
