"""What the tokens of an answer take from the world: energy, carbon, water, and why one is unknown.

Binds reference data and the formulas of ``cost_engine.energy``; energy comes in from ``infer``.
"""

from __future__ import annotations

from typing import Any

from cost_engine.energy import embodied_grams_per_1k_tokens, site_water_litres
from cost_engine.serving.cost import grams_co2
from cost_engine.units import HOURS_PER_YEAR, WATTS_PER_KILOWATT
from pipelines.derive.serving_names import UnknownSubjectError
from warehouse.reference import Documents, scenario
from warehouse.reference.environment import Grid, embodied_carbon, grids, water_usages
from warehouse.reference.ownership import ownership_assumptions

WATER_FACILITY = "hyperscaler"
"""Only large clouds publish their water: theirs is the power usage effectiveness."""


def grid(documents: Documents, country: str) -> Grid:
    """Return the newest carbon intensity of the grid of a country or a state.

    Raises
    ------
    UnknownSubjectError
        If there is no such grid. The message lists those that exist.

    Examples
    --------
    >>> from warehouse.reference import bundled
    >>> [grid(bundled(), place).grams_co2e_per_kwh < 300 for place in ("fr", "US-VA", "US")]
    [True, True, False]
    """
    known = grids(documents)
    if country.upper() not in known:
        raise UnknownSubjectError(
            f"no grid intensity for {country!r}; there are: {', '.join(sorted(known))}"
        )
    return known[country.upper()]


def footprint(
    documents: Documents,
    country: str | None,
    gpu_id: str,
    provider_id: str | None,
    *,
    tokens_per_second_per_gpu: float,
    watt_hours_per_1k_tokens: float | None,
    fleet_utilisation_fraction: float,
    grams_co2e_per_kwh: float | None = None,
) -> dict[str, Any]:
    """Return carbon and water of a thousand tokens on one set, None with a reason where unknown.

    Parameters
    ----------
    documents : Documents
    country : str or None
        Whose grid feeds the GPUs, a country or a state; None if that does not matter.
    gpu_id : str
    provider_id : str or None
        Who offers the set, None if nobody is known.
    tokens_per_second_per_gpu : float
        Of the full replica. [token / (s GPU)]
    watt_hours_per_1k_tokens : float or None
        Of the facility. [W h / 10^3 token]
    fleet_utilisation_fraction : float
        Mean over peak demand. [1]
    grams_co2e_per_kwh : float, optional
        Of a grid of one's own, instead of the country's.

    Returns
    -------
    dict
        ``low`` and ``high`` are the 10th and 90th percentile of the hours of a year.
    """
    unknown = []
    if grams_co2e_per_kwh is not None:
        country = None
    of_grid = grid(documents, country) if country else Grid(grams_co2e_per_kwh or 0.0, None, None)
    kwh = (
        None if watt_hours_per_1k_tokens is None else watt_hours_per_1k_tokens / WATTS_PER_KILOWATT
    )
    if kwh is None:
        unknown.append(f"energy: no power of {gpu_id} is published")
    grams = (
        None
        if watt_hours_per_1k_tokens is None
        else float(grams_co2(watt_hours_per_1k_tokens, of_grid.grams_co2e_per_kwh))
    )
    spread = (of_grid.low_over_mean, of_grid.high_over_mean)
    if country and None in spread:
        unknown.append(f"hours of the grid: none were read for {country.upper()}")
    embodied = embodied_carbon(documents).get(gpu_id)
    if embodied is None:
        unknown.append(f"embodied carbon: no product carbon footprint of {gpu_id} was read")
    litres = water_usages(documents).get(provider_id or "")
    if litres is None:
        unknown.append(f"water: {provider_id or 'nobody'} publishes none that was read")
    lifetime = ownership_assumptions(documents)["lifetime_years"].central * HOURS_PER_YEAR
    pue = scenario(documents, "facility", WATER_FACILITY).number("power_usage_effectiveness")
    return {
        "grams_co2e_per_1k_tokens": grams,
        **{
            f"grams_co2e_per_1k_tokens_{end}": None
            if grams is None or ratio is None
            else grams * ratio
            for end, ratio in zip(("low", "high"), spread, strict=True)
        },
        "embodied_grams_co2e_per_1k_tokens": None
        if embodied is None
        else float(
            embodied_grams_per_1k_tokens(
                embodied, lifetime, tokens_per_second_per_gpu, fleet_utilisation_fraction
            )
        ),
        "water_litres_per_1k_tokens": None
        if litres is None or kwh is None
        else float(site_water_litres(kwh, litres, pue)),
        "unknown": "; ".join(unknown) or None,
    }
