"""What serving rests on beside prices and speeds, and what a caller fixes of it.

The names are those of ``train`` and ``own-vs-rent`` where the quantity is the same. Each figure is
told with its source and, where it has one, its interval.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from cost_engine.energy import server_kilowatts_per_chip
from cost_engine.serving.inputs import ServingConstants
from cost_engine.units import WATTS_PER_KILOWATT
from pipelines.answers.gpu_facts import Used
from pipelines.derive.gpu_sets import FACILITY, facility_watts
from pipelines.derive.serving_reference import Fit
from warehouse.reference import Documents, Gpu, scenario
from warehouse.reference.ownership import ownership_assumptions

MEMORY = {
    # Name of an assumption to the least and the largest value that it may have.
    "usable_memory_fraction": (0.0, 1.0),
    "workspace_bytes": (0.0, math.inf),
}
"""What decides which sequences fit; fitted constants of the engine."""
POWER = {
    "pue": (1.0, math.inf),
    "server_power_ratio": (1.0, math.inf),
    "board_power_watts": (0.0, math.inf),
}
SETTABLE_OF_FIT = {"usd_per_gpu_hour": (0.0, math.inf), **MEMORY}
SETTABLE_OF_INFER = {
    "usd_per_gpu_hour": (0.0, math.inf),
    "fleet_utilisation_fraction": (0.0, 1.0),
    **POWER,
    "grams_co2e_per_kwh": (0.0, math.inf),
    **MEMORY,
}
UNITS = {
    "usd_per_gpu_hour": "USD/(GPU h)",
    "fleet_utilisation_fraction": "1",
    "pue": "1",
    "server_power_ratio": "1",
    "board_power_watts": "W",
    "grams_co2e_per_kwh": "gCO2e/kWh",
    "usable_memory_fraction": "1",
    "workspace_bytes": "byte",
}


def refuse_impossible(fixed: Mapping[str, float]) -> None:
    """Raise if a figure that is set cannot be one.

    Raises
    ------
    ValueError
        Names the figure, its value and what it may be.
    """
    for name, value in fixed.items():
        least, most = SETTABLE_OF_INFER[name]
        if not least <= value <= most or (value == 0 and name != "workspace_bytes"):
            limit = (
                f"between {least:g} and {most:g}" if math.isfinite(most) else f"{least:g} or more"
            )
            raise ValueError(f"{name} = {value:g}: must be {limit}, and not 0")


def with_memory(fit: Fit, fixed: Mapping[str, float]) -> Fit:
    """Return a calibration with what is fixed of the memory of a replica."""
    known = {name: fixed[name] for name in MEMORY if name in fixed}
    constants = ServingConstants({**fit.constants.values, **known})
    return replace(fit, constants=constants) if known else fit


def watts(documents: Documents, gpu: Gpu, fixed: Mapping[str, float]) -> float:
    """Return the power of one GPU with its share of server, network and cooling [W].

    What is fixed of it replaces the published all-in power.

    Examples
    --------
    >>> from pipelines.derive.serving_names import known_gpus
    >>> from warehouse.reference import bundled
    >>> h100 = known_gpus(bundled())["H100-SXM-80GB"]
    >>> given = {"pue": 1.2, "server_power_ratio": 1.5, "board_power_watts": 600.0}
    >>> round(watts(bundled(), h100, given), 6)
    1080.0
    """
    if not POWER.keys() & fixed.keys():
        return facility_watts(documents, gpu)
    board = fixed.get("board_power_watts", gpu.board_power_watts)
    if not board:
        return math.nan
    ratio, pue = (fixed.get(name, _hall(documents)[name]) for name in ("server_power_ratio", "pue"))
    return float(server_kilowatts_per_chip(board, ratio, pue) * WATTS_PER_KILOWATT)


def _hall(documents: Documents) -> dict[str, float]:
    hall = scenario(documents, "facility", FACILITY)
    return {
        "server_power_ratio": hall.number("server_power_factor"),
        "pue": hall.number("power_usage_effectiveness"),
    }


def told(
    documents: Documents,
    fit: Fit,
    fixed: Mapping[str, float],
    *,
    gpu: Gpu | None,
    fleet_utilisation_fraction: float,
    grams_co2e_per_kwh: float | None,
    country: str | None,
) -> list[Used]:
    """Return the assumptions of an answer of ``infer``, in the order of ``SETTABLE_OF_INFER``."""
    fleet = scenario(documents, "utilisation", "fleet")
    owned = ownership_assumptions(documents)["pue"]
    hall = _hall(documents)
    figures: dict[str, tuple[float | None, str, float | None, float | None]] = {
        "fleet_utilisation_fraction": (
            fleet_utilisation_fraction, "utilisation.yaml, fleet", fleet.number("low_fraction"),
            fleet.number("high_fraction"),
        ),
        "pue": (hall["pue"], f"facility.yaml, {FACILITY}", owned.low, owned.high),
        "server_power_ratio": (
            hall["server_power_ratio"], f"facility.yaml, {FACILITY}", None, None,
        ),
        "board_power_watts": (gpu.board_power_watts if gpu else None, "core.gpu", None, None),
        "grams_co2e_per_kwh": (grams_co2e_per_kwh, f"grid_intensity.csv, {country}", None, None),
        **memory_figures(fit),
    }  # fmt: skip
    if gpu is not None and gpu.facility_watts and not POWER.keys() & fixed.keys():
        for name in POWER:
            del figures[name]
        figures["facility_watts"] = (gpu.facility_watts, "core.gpu, published all-in", None, None)
    return listed(figures, fixed)


def memory_figures(fit: Fit) -> dict[str, tuple[float | None, str, float | None, float | None]]:
    """Return the constants of the memory of a replica, with their source."""
    return {
        name: (fit.constants[name], f"fitted on {fit.fitted_on}: {fit.source}", None, None)
        for name in MEMORY
    }


def listed(
    figures: Mapping[str, tuple[float | None, str, float | None, float | None]],
    fixed: Mapping[str, float],
) -> list[Used]:
    """Return the figures that are known, those that are set marked as given."""
    found = []
    for name, (value, source, low, high) in figures.items():
        if name in fixed:
            found.append(Used(name, fixed[name], UNITS[name], "given"))
        elif value is not None:
            found.append(Used(name, value, UNITS.get(name, "W"), source, low, high))
    return found
