"""Power, energy, electricity cost and carbon of accelerators.

Every figure of a chip, a site or a country comes in as an argument. The defaults are those of the
published method and carry their source; how they were chosen is in ``docs/methodology``.
"""

from __future__ import annotations

from cost_engine.units import (
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
