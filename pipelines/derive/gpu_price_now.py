"""Makes ``marts.gpu_price_now`` and ``marts.price_dispersion``: today's price of each GPU.

Binds ``cost_engine.asks`` to the prices of the providers. The spread between providers is learned
from the GPUs of a class, contract and family that have three providers; where none has, it is that
of the class on demand, else that of data-centre GPUs at neoclouds, made half as wide again.

The family ``all`` joins the three for those who ask for it, one vote a provider; no derived cost
rests on it by itself (``price_basis``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from math import log, sqrt
from statistics import median, variance
from typing import Any

import duckdb
import pyarrow as pa

from cost_engine.asks import PRIOR_DEGREES, PriceNow, SpreadPrior, price_now, spread_prior
from cost_engine.units import DAYS_PER_MONTH
from pipelines.derive.price_basis import DEFAULT_BASIS
from pipelines.derive.reference_tables import recorded_documents
from pipelines.derive.writing import write_table
from warehouse.reference.scenarios import scenario
from warehouse.reports import report_dicts

FEWEST_PROVIDERS = DEFAULT_BASIS.min_providers
"""A GPU with fewer teaches nothing about a spread, and is thin evidence. [1]"""

FEWEST_GPUS = 3
"""A class of fewer GPUs to learn from borrows. [1]"""

BORROWED_FACTOR = 1.5
"""A borrowed standard deviation is this much wider. [1]"""

DIRECT = frozenset({"api", "page", "marketplace"})
CELL = ("gpu_id", "purchase_model", "commitment_months", "market_family", "reference_region")
ALL_MARKETS = "all"
Group = tuple[str, str, str]
"""Class, purchase model, market family."""

Row = Mapping[str, Any]

SCHEMA = pa.schema(
    [
        ("gpu_id", pa.string()),
        ("gpu_class", pa.string()),
        ("purchase_model", pa.string()),
        ("commitment_months", pa.int32()),
        ("market_family", pa.string()),
        ("reference_region", pa.string()),
        ("middle_usd_per_gpu_hour", pa.float64()),
        ("ask_low_usd_per_gpu_hour", pa.float64()),
        ("ask_high_usd_per_gpu_hour", pa.float64()),
        ("typical_low_usd_per_gpu_hour", pa.float64()),
        ("typical_high_usd_per_gpu_hour", pa.float64()),
        ("provider_count", pa.int32()),
        ("direct_provider_count", pa.int32()),
        ("cheapest_provider_id", pa.string()),
        ("cheapest_usd_per_gpu_hour", pa.float64()),
        ("oldest_seen_at", pa.timestamp("us")),
        ("age_days", pa.int32()),
        ("evidence", pa.string()),
        ("is_default_basis", pa.bool_()),
        ("day", pa.date32()),
    ]
)
DISPERSION_SCHEMA = pa.schema(
    [
        ("gpu_class", pa.string()),
        ("purchase_model", pa.string()),
        ("market_family", pa.string()),
        ("gpu_count_learned", pa.int32()),
        ("prior_degrees", pa.float64()),
        ("prior_log_deviation", pa.float64()),
        ("smallest_half_width_log", pa.float64()),
        ("prior", pa.string()),
    ]
)


@dataclass(frozen=True)
class Dispersion:
    """What a class, contract and family says about the spread between providers."""

    spread: SpreadPrior
    smallest_half_width_log: float  # of an interval from fewer than three providers [ln]
    gpu_count_learned: int
    prior: str  # learned, on_demand or borrowed


def derive(connection: duckdb.DuckDBPyConnection, on: date) -> None:
    """Make both tables from ``marts.provider_price_now``, whose day is that of the build."""
    rows = report_dicts(connection, "provider_prices_now")
    cells = _cells([*rows, *joined_markets(rows)])
    documents = recorded_documents(connection)
    per_day = {
        family: scenario(documents, "market_noise", family).number("log_variance_per_month")
        / DAYS_PER_MONTH
        for family in ("hyperscaler", "neocloud", "marketplace")
    }
    per_day[ALL_MARKETS] = max(per_day.values())
    assumed = scenario(documents, "market_noise", "neocloud").number("spread_log_deviation")
    known = dispersions(cells, per_day, SpreadPrior(PRIOR_DEGREES[1], assumed**2))
    write_table(
        connection,
        "marts.gpu_price_now",
        [_row(cell, _price(cell, known[_group(cell[0])], per_day), on) for cell in cells],
        SCHEMA,
    )
    write_table(
        connection,
        "marts.price_dispersion",
        [
            {
                "gpu_class": gpu_class,
                "purchase_model": purchase_model,
                "market_family": family,
                "gpu_count_learned": found.gpu_count_learned,
                "prior_degrees": found.spread.degrees,
                "prior_log_deviation": sqrt(found.spread.variance),
                "smallest_half_width_log": found.smallest_half_width_log,
                "prior": found.prior,
            }
            for (gpu_class, purchase_model, family), found in sorted(known.items())
        ],
        DISPERSION_SCHEMA,
    )


def _cells(rows: Iterable[Row]) -> list[list[Row]]:
    """Return the prices of each cell, cheapest first."""
    cells: defaultdict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        cells[tuple(row[name] for name in CELL)].append(row)
    return [
        sorted(cell, key=lambda row: (row["usd_per_gpu_hour"], row["provider_id"]))
        for cell in cells.values()
    ]


def joined_markets(rows: Iterable[Row]) -> list[Row]:
    """Return the prices of all markets together, one vote a provider.

    A provider of two families has the median of both, and the age of the older.
    """
    votes: defaultdict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        names = (name for name in CELL if name != "market_family")
        votes[(row["provider_id"], *(row[name] for name in names))].append(row)
    return [
        {
            **own[0],
            "market_family": ALL_MARKETS,
            "usd_per_gpu_hour": median(row["usd_per_gpu_hour"] for row in own),
            "age_days": max(row["age_days"] for row in own),
            "oldest_seen_at": min(row["oldest_seen_at"] for row in own),
        }
        for own in votes.values()
    ]


def dispersions(
    cells: Sequence[Sequence[Row]], per_day: Mapping[str, float], assumed: SpreadPrior
) -> dict[Group, Dispersion]:
    """Return the dispersion of every class, contract and family that has a price.

    Parameters
    ----------
    cells : sequence of sequence of mapping
        The providers' prices of each cell.
    per_day : mapping
        Variance that a price gains a day, by family. [ln^2 / d]
    assumed : SpreadPrior
        Of data-centre GPUs at neoclouds, where nothing can be learned.
    """
    taught: defaultdict[Group, list[Sequence[Row]]] = defaultdict(list)
    groups = {_group(cell[0]) for cell in cells}
    for cell in cells:
        if len(cell) >= FEWEST_PROVIDERS:
            taught[_group(cell[0])].append(cell)
    learned = {
        group: _learned(own, per_day) for group, own in taught.items() if len(own) >= FEWEST_GPUS
    }
    lender = learned.get(("data_center", "on_demand", "neocloud"))
    base = lender.spread if lender else assumed
    wider = SpreadPrior(base.degrees, base.variance * BORROWED_FACTOR**2)
    floor = price_now([1.0], [0.0], wider, 0.0).ask_half_width_log
    borrowed = Dispersion(wider, floor, 0, "borrowed")

    def of(group: Group) -> Dispersion:
        gpu_class, _, family = group
        same = learned.get((gpu_class, "on_demand", family))
        if group in learned:
            return learned[group]
        if same:
            return Dispersion(same.spread, same.smallest_half_width_log, 0, "on_demand")
        return borrowed

    return {group: _with_floor(of(group), taught[group], per_day) for group in groups}


def _learned(cells: Sequence[Sequence[Row]], per_day: Mapping[str, float]) -> Dispersion:
    variances = [variance([log(row["usd_per_gpu_hour"]) for row in cell]) for cell in cells]
    spread = spread_prior(variances, [len(cell) - 1 for cell in cells])
    return _with_floor(Dispersion(spread, 0.0, len(cells), "learned"), cells, per_day)


def _with_floor(
    known: Dispersion, cells: Sequence[Sequence[Row]], per_day: Mapping[str, float]
) -> Dispersion:
    """Return a dispersion whose floor no interval of these cells exceeds."""
    widths = [_price(cell, known, per_day).ask_half_width_log for cell in cells]
    return replace(known, smallest_half_width_log=max([known.smallest_half_width_log, *widths]))


def _group(row: Row) -> Group:
    return row["gpu_class"], row["purchase_model"], row["market_family"]


def _price(cell: Sequence[Row], known: Dispersion, per_day: Mapping[str, float]) -> PriceNow:
    return price_now(
        [row["usd_per_gpu_hour"] for row in cell],
        [row["age_days"] for row in cell],
        known.spread,
        per_day[cell[0]["market_family"]],
        known.smallest_half_width_log,
    )


def _row(cell: Sequence[Row], price: PriceNow, on: date) -> dict[str, Any]:
    cheapest = cell[0]  # cells are ordered by price
    return {
        **{name: cheapest[name] for name in (*CELL, "gpu_class")},
        "middle_usd_per_gpu_hour": price.middle_usd_per_gpu_hour,
        "ask_low_usd_per_gpu_hour": price.ask[0],
        "ask_high_usd_per_gpu_hour": price.ask[1],
        "typical_low_usd_per_gpu_hour": price.typical[0],
        "typical_high_usd_per_gpu_hour": price.typical[1],
        "provider_count": price.provider_count,
        "direct_provider_count": sum(row["source_kind"] in DIRECT for row in cell),
        "cheapest_provider_id": cheapest["provider_id"],
        "cheapest_usd_per_gpu_hour": cheapest["usd_per_gpu_hour"],
        "oldest_seen_at": min(row["oldest_seen_at"] for row in cell),
        "age_days": max(row["age_days"] for row in cell),
        "evidence": "market" if price.provider_count >= FEWEST_PROVIDERS else "thin",
        "is_default_basis": cheapest["market_family"] == DEFAULT_BASIS.market_family
        and cheapest["reference_region"] == DEFAULT_BASIS.reference_region,
        "day": on,
    }
