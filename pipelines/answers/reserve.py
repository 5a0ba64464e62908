"""The answer of ``truecost reserve``: what to reserve for a load, at whose prices.

Binds the offers of one machine a provider, and the market's price by the hour, to
``cost_engine.commitments``. What is rented by the hour is in ``burst``. Files of loads are read by
``load_file``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any

import duckdb

from cost_engine.commitments import Commitment, Plan, cheapest_plan
from cost_engine.load import Load
from cost_engine.prices import reservation, reservation_multiplier
from pipelines.answers.burst import (
    FEWEST_PROVIDERS,
    Burst,
    log_variance,
    market_burst,
    market_prices,
)
from warehouse.reference import Documents
from warehouse.reports import ReportRows, report_dicts, run_report

DEFAULT_TERM_MONTHS = (12.0, 36.0)
SELLER = (
    "gpu_id", "provider_id", "market_family", "provider_count", "region", "sku", "age_hours",
    "source_url",
)  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """A load and how it may be covered."""

    load: Load
    job_months: float
    commitment_months: Sequence[float] = ()  # any, if empty
    resale_fraction: float = 0.0
    market_family: str | None = None  # only this one
    provider_id: str | None = None  # only this one
    min_providers: int = FEWEST_PROVIDERS  # of a market that is compared


def multipliers(
    job_months: float, commitment_months: Sequence[float], resale_fraction: float
) -> list[dict[str, Any]]:
    """Return what a job pays over what it uses, by term: arithmetic that needs no price."""
    return [
        {
            "commitment_months": term,
            "job_months": job_months,
            "resale_fraction": resale_fraction,
            "multiplier": reservation_multiplier(term, job_months, resale_fraction),
        }
        for term in commitment_months or DEFAULT_TERM_MONTHS
    ]


def given_plans(
    asked: Asked, reserved_usd_per_gpu_hour: float, on_demand_usd_per_gpu_hour: float
) -> list[dict[str, Any]]:
    """Return the plans of a load at prices that were given."""
    seller = {"provider_id": None, "market_family": None}
    terms = asked.commitment_months or DEFAULT_TERM_MONTHS
    offers = [Commitment(_whole(term), reserved_usd_per_gpu_hour) for term in terms]
    burst = Burst("given", on_demand_usd_per_gpu_hour)
    return ranked(list(_plans(asked, seller, offers, burst, burst, 1)))


def tracked_plans(
    connection: duckdb.DuckDBPyConnection,
    gpu_id: str,
    asked: Asked,
    reference_region: str = "us",
    on_demand_usd_per_gpu_hour: float | None = None,
    burst: Burst | None = None,
    spot_overhead_factor: float | None = None,
) -> list[dict[str, Any]]:
    """Return the plans of a load at each provider that reserves a GPU, and on demand elsewhere.

    Parameters
    ----------
    connection : DuckDBPyConnection
        A published file, or a past of it.
    gpu_id : str
    asked : Asked
    reference_region : {"us", "europe", "asia"}
    on_demand_usd_per_gpu_hour : float, optional
        Instead of each provider's own price. [USD / (GPU h)]
    burst : Burst, optional
        Another card for what is not reserved; see ``burst.replacing_card``.
    spot_overhead_factor : float, optional
        Hours paid per hour of work on spot: then what is not reserved may be on spot. [1]

    Returns
    -------
    list of dict
        Cheapest first. [USD]

    Raises
    ------
    ValueError
        If nobody has a fresh price there, or nobody one of the terms asked for.
    """
    noise = partial(log_variance, Documents.of_published(connection))
    rows = report_dicts(
        connection,
        "reserve",
        gpu_id=gpu_id,
        gpu_count=asked.load.peak_gpu_count,
        reference_region=reference_region,
        market_family=asked.market_family,
        provider_id=asked.provider_id,
    )
    known = sorted({row["commitment_months"] for row in rows} - {None})
    wanted = [term for term in known if term in (asked.commitment_months or known)]
    missing = [term for term in asked.commitment_months if term not in known]
    if not rows or missing:
        terms = ", ".join(f"{term} months" for term in known) or "none"
        raise ValueError(
            f"gpu = {gpu_id!r}: no fresh price"
            + (f" of {', '.join(f'{term:g} months' for term in missing)}" if missing else "")
            + f" in {reference_region}; reserved there: {terms}"
        )
    plans: list[dict[str, Any]] = []
    alone: list[dict[str, Any]] = []
    for (provider, family), offered in groupby(
        rows, key=lambda row: (row["provider_id"], row["market_family"])
    ):
        offers = list(offered)
        prices = {row["purchase_model"]: row["usd_per_gpu_hour"] for row in offers}
        first = offers[0]
        seller = {"gpu_id": gpu_id, "provider_id": provider, "market_family": family} | {
            name: first[name] for name in ("region", "sku", "age_hours", "source_url")
        }
        commitments = [
            Commitment(row["commitment_months"], row["usd_per_gpu_hour"])
            for row in offers
            if row["commitment_months"] in wanted
        ]
        by_hour = None
        if on_demand_usd_per_gpu_hour is not None:
            by_hour = Burst("given", on_demand_usd_per_gpu_hour)
        elif "on_demand" in prices:
            by_hour = Burst("on_demand", prices["on_demand"], noise(family))
        ways = [way for way in (by_hour, burst) if way is not None]
        if spot_overhead_factor is not None and "spot" in prices:
            ways.append(Burst("spot", prices["spot"] * spot_overhead_factor, noise(family)))
        cheapest = min(ways, key=lambda way: way.usd_per_gpu_hour, default=None)
        found = list(_plans(asked, seller, commitments, by_hour, cheapest, first["gpus_per_node"]))
        (plans if commitments else alone).extend(found)
    alone = sorted(alone, key=lambda row: row["usd_total"])[:1]
    markets = _market_plans(connection, gpu_id, asked, reference_region, noise)
    return ranked([*plans, *alone, *markets])


def _market_plans(
    connection: duckdb.DuckDBPyConnection,
    gpu_id: str,
    asked: Asked,
    reference_region: str,
    noise: Any,
) -> Iterator[dict[str, Any]]:
    """Yield the load on demand at the middle of each market that has enough providers."""
    for row in market_prices(connection, gpu_id, reference_region):
        family = row["market_family"]
        if row["provider_count"] < asked.min_providers or asked.provider_id is not None:
            continue
        if asked.market_family not in (None, family):
            continue
        seller = {"gpu_id": gpu_id, "provider_id": None, "market_family": family}
        seller |= {"provider_count": row["provider_count"]}
        yield from _plans(asked, seller, [], market_burst("on_demand", row, noise(family)), None, 1)


def term_structure(
    connection: duckdb.DuckDBPyConnection, gpu_id: str, reference_region: str = "us"
) -> ReportRows:
    """Return what the terms of each provider cost and imply, of ``marts.price_term_structure``."""
    return run_report(
        connection, "term_structure", gpu_id=gpu_id, reference_region=reference_region
    )


def ranked(plans: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return plans by cost, the cheapest first and marked."""
    ordered = sorted(plans, key=lambda row: row["usd_total"])
    return [row | {"is_cheapest": place == 0} for place, row in enumerate(ordered)]


def _plans(
    asked: Asked,
    seller: dict[str, Any],
    commitments: Sequence[Commitment],
    by_hour: Burst | None,
    cheapest: Burst | None,
    gpus_per_node: int,
) -> Iterator[dict[str, Any]]:
    """Yield the load on demand alone, on each term alone, and on the cheapest mix."""
    solve = partial(
        cheapest_plan,
        asked.load,
        resale_fraction=asked.resale_fraction,
        gpus_per_node=gpus_per_node,
    )
    if by_hour is not None:
        plan = solve([], by_hour.usd_per_gpu_hour)
        yield _row(asked, seller, "on_demand", plan, by_hour)
    for one in commitments:
        found = reservation(
            one.commitment_months,
            asked.job_months,
            asked.resale_fraction,
            one.usd_per_gpu_hour,
            by_hour.usd_per_gpu_hour if by_hour else None,
        )
        yield _row(asked, seller, "reserved", solve([one], None), None) | {
            "commitment_months": one.commitment_months,
            "reserved_usd_per_gpu_hour": one.usd_per_gpu_hour,
            "break_even_months": found.break_even_months,
        }
    if commitments and cheapest is not None:
        row = _row(asked, seller, "mix", solve(commitments, cheapest.usd_per_gpu_hour), cheapest)
        ends = cheapest.interval(asked.job_months)
        if ends is not None:
            most = [solve(commitments, usd).most_reserved_gpu_count for usd in ends]
            row |= {"reserved_gpu_count_low": min(most), "reserved_gpu_count_high": max(most)}
        yield row


def _row(
    asked: Asked, seller: dict[str, Any], name: str, plan: Plan, burst: Burst | None
) -> dict[str, Any]:
    """Return a plan as it is printed; low and high follow the price by the hour alone."""
    load, usd = asked.load, plan.usd
    low: float | None = usd
    high: float | None = usd
    if plan.burst_usd and burst is not None:
        ends = burst.interval(asked.job_months)
        locked = usd - plan.burst_usd
        low, high = (
            (None, None) if ends is None else [locked + plan.burst_gpu_hours * end for end in ends]
        )
    return {
        **dict.fromkeys(SELLER),
        **seller,
        "plan": name,
        "commitment_months": None,
        "usd_total": usd,
        "low": low,
        "high": high,
        "usd_per_month": usd / asked.job_months,
        "effective_usd_per_gpu_hour": usd / load.gpu_hours,
        "multiplier": (plan.reserved_gpu_hours + plan.burst_gpu_hours) / load.gpu_hours,
        "break_even_months": None,
        "reserved_gpu_count": plan.most_reserved_gpu_count,
        "reserved_gpu_count_low": None,
        "reserved_gpu_count_high": None,
        "burst_gpu_count": plan.peak_burst_gpu_count,
        "burst_fraction": plan.burst_gpu_hours / load.gpu_hours,
        "burst": burst.name if burst and plan.burst_usd else None,
        "burst_usd_per_gpu_hour": burst.usd_per_gpu_hour if burst else None,
        "reserved_usd_per_gpu_hour": None,
        "resold_usd": plan.resold_usd,
        "purchases": [vars(one) for one in plan.purchases],
    }


def _whole(term: float) -> int:
    if term != int(term):
        raise ValueError(f"commitment_months = {term:g}: a plan takes whole months")
    return int(term)
