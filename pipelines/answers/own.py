"""The answer of ``truecost own-vs-rent``: owning GPUs against renting them, with bands.

Here belongs the binding of the user's choices to the comparison of ``pipelines.derive.own_vs_rent``
and the list of what the answer depends on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Any

from cost_engine.own_or_rent import (
    RULE_OF_THUMB_USD_PER_YEAR,
    is_in_band,
    never_reason,
    yearly_rent_usd,
)
from cost_engine.purchases import PurchasePrice
from cost_engine.training.planning import SERVER_GPUS
from cost_engine.units import fraction, non_negative, positive
from pipelines.answers.gpu_facts import Used
from pipelines.derive import own_vs_rent
from pipelines.derive.price_basis import GpuPrice
from warehouse.reference import Documents
from warehouse.reference.ownership import (
    OwnershipAssumption,
    SizedAssumption,
    ownership_assumptions,
    sized_assumptions,
)

FIGURES = ("usd_per_gpu_hour", "purchase_usd", "usd_per_kwh", "board_power_watts")
"""What an answer takes beside the assumptions, under the names by which it can be set."""


def settable(documents: Documents) -> tuple[str, ...]:
    """Return the names of everything that can be set."""
    return (*FIGURES, *ownership_assumptions(documents), *sized_assumptions(documents))


def refuse_impossible(fixed: Mapping[str, float]) -> None:
    """Raise if a figure that is set cannot be one.

    Raises
    ------
    ValueError
        Names the figure, its value and what it may be.
    """
    for name, value in fixed.items():
        if name == "fleet_utilisation_fraction":
            fraction(name, value)
        elif name == "pue" and value < 1:
            raise ValueError(f"pue = {value:g}: must be 1 or more")
        elif name in ("network_fraction", "residual_fraction") and not 0 <= value < 1:
            raise ValueError(f"{name} = {value:g}: must be a fraction in [0, 1)")
        elif name.startswith(("team", "space", "maintenance", "interest", "idle")):
            non_negative(name, value)
        elif name not in ("network_fraction", "residual_fraction"):
            positive(name, value)


def ownership_answer(
    gpu_id: str,
    gpu_count: int,
    rental: GpuPrice,
    on: date,
    documents: Documents,
    *,
    country: str = "US",
    fixed: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """Return owning against renting with bands, and whether the rule of thumb lies in them.

    Parameters
    ----------
    gpu_id : str
    gpu_count : int
    rental : GpuPrice
    on : date
        The day of the question.
    documents : Documents
        With assumptions, purchase prices, power and electricity.
    country : str
        Of the electricity.
    fixed : mapping of str to float, optional
        What the user gave, by the names of ``settable``: not drawn.

    Raises
    ------
    ValueError
        If the GPU has no purchase price or no board power and none is given.
    """
    given = dict(fixed or {})
    figures = {name: given.pop(name, None) for name in FIGURES}
    purchase_usd, usd_per_kwh = figures["purchase_usd"], figures["usd_per_kwh"]
    list_price = (
        PurchasePrice(purchase_usd, on, 1, "given")
        if purchase_usd is not None
        else own_vs_rent.purchase_price(gpu_id, on, documents)
    )
    if list_price is None:
        reason = own_vs_rent.no_price_reason(gpu_id, documents)
        raise ValueError(f"gpu = {gpu_id!r}: no price ({reason}); give --purchase-usd")
    watts = figures["board_power_watts"] or own_vs_rent.board_power_watts(documents).get(gpu_id)
    if watts is None:
        raise ValueError(
            f"gpu = {gpu_id!r}: its board power is not known; give --board-power-watts"
        )
    power = (
        own_vs_rent.electricity_on(on, documents, country.upper())
        if usd_per_kwh is None
        else usd_per_kwh
    )
    compared = own_vs_rent.compare(
        gpu_count=gpu_count,
        rental=rental,
        purchase_usd=list_price.usd,
        board_power_watts=watts,
        usd_per_kwh=power,
        documents=documents,
        fixed=given,
    )
    utilisation = own_vs_rent.utilisation(given, documents)
    central = own_vs_rent.central_case(gpu_count, list_price.usd, watts, power, documents, given)
    never = (
        never_reason(central, gpu_count, rental.usd_per_gpu_hour)
        if compared.is_never_cheaper
        else None
    )
    rule = RULE_OF_THUMB_USD_PER_YEAR
    return {
        "gpu_id": gpu_id,
        "gpu_count": gpu_count,
        "rental_usd_per_gpu_hour": rental.usd_per_gpu_hour,
        "rental_usd_per_gpu_hour_low": rental.low,
        "rental_usd_per_gpu_hour_high": rental.high,
        "market_family": rental.market_family,
        "reference_region": rental.reference_region,
        "provider_id": rental.provider_id,
        "provider_count": rental.provider_count,
        "oldest_seen_at": rental.oldest_seen_at,
        "purchase_usd_per_gpu": list_price.usd,
        "purchase_priced_on": list_price.priced_on,
        "fleet_utilisation_fraction": utilisation,
        **_reachable(asdict(compared)),
        "never_reason": never,
        **{
            f"{name}_usd_per_gpu_hour": float(value)
            for name, value in central.parts_usd_per_gpu_hour(gpu_count, utilisation).items()
        },
        "source_url": list_price.source_url,
        "yearly_rental_bill_usd": yearly_rent_usd(rental.usd_per_gpu_hour, utilisation, gpu_count),
        "rule_50_million_usd_per_year": rule,
        "rule_50_million_is_in_band": is_in_band(
            rule, compared.break_even_spend_low, compared.break_even_spend_high
        ),
        "cases": cases(
            gpu_count,
            rental,
            documents,
            given,
            purchase_usd=list_price.usd,
            board_power_watts=watts,
            usd_per_kwh=power,
        ),
        "assumptions": [
            *_assumptions(gpu_count, given, documents),
            *(
                asdict(Used(name, value, unit, source if figures.get(name) is None else "given"))
                for name, value, unit, source in (
                    ("usd_per_kwh", power, "USD/kWh", f"electricity.csv, {country.upper()}"),
                    ("board_power_watts", watts, "W", "core.gpu"),
                    ("usd_per_gpu_hour", rental.usd_per_gpu_hour, "USD/(GPU h)", rental.source),
                    ("purchase_usd", list_price.usd, "USD/GPU", list_price.source_url),
                )
            ),
        ],
    }


def cases(
    gpu_count: int,
    rental: GpuPrice,
    documents: Documents,
    fixed: Mapping[str, float],
    **figures: float,
) -> list[dict[str, Any]]:
    """Return the ways to house the GPUs: one server, this cluster in a rented hall, in an own one.

    Parameters
    ----------
    gpu_count : int
        Of the cluster.
    rental : GpuPrice
    documents : Documents
    fixed : mapping of str to float
        Assumptions that the user gave. Those that depend on the size hold in each case.
    **figures
        ``purchase_usd``, ``board_power_watts`` and ``usd_per_kwh``.
    """
    found = []
    for name, count, is_own_hall in (
        ("one server, colocation", SERVER_GPUS, False),
        ("cluster, colocation", gpu_count, False),
        ("cluster, own hall", gpu_count, True),
    ):
        compared = own_vs_rent.compare(
            gpu_count=count, rental=rental, documents=documents, fixed=fixed,
            is_own_hall=is_own_hall, **figures,
        )  # fmt: skip
        found.append({"case": name, "gpu_count": count} | _reachable(asdict(compared)))
    return found


def _reachable(compared: dict[str, Any]) -> dict[str, Any]:
    """Return a comparison whose utilisations above 1 are None: they are never reached."""
    names = [name for name in compared if name.startswith("break_even_utilisation")]
    return compared | {
        name: None if (compared[name] or 0) > 1 else compared[name] for name in names
    }


def _assumptions(
    gpu_count: int, given: Mapping[str, float], documents: Documents
) -> list[dict[str, Any]]:
    fixed = ownership_assumptions(documents)
    nearest = {
        name: min(rows, key=lambda row: abs(math.log(row.gpu_count / gpu_count)))
        for name, rows in sized_assumptions(documents).items()
    }
    ranges = own_vs_rent.ranges_at(gpu_count, documents)
    found = []
    for name, (low, central, high) in ranges.items():
        row = nearest.get(name) or fixed[name]
        source = "given" if name in given else _source(row)
        if name in nearest and name not in given:
            source = f"between rows of ownership_sizes.csv; nearest: {source}"
        used = Used(name, given.get(name, central), row.unit, source)
        found.append(asdict(used) | {"low": low, "high": high})
    return found


def _source(row: OwnershipAssumption | SizedAssumption) -> str:
    if row.source == "assumption":
        return f"assumption: {row.note}"
    return row.source_url or row.source
