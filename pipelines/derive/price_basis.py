"""The price behind derived costs: whose market, which part of the world, which contract.

One default for every derived cost, so that the rows of one ranking are like each other. The
decision is docs/decisions/0019. Prices themselves are made by ``gpu_price_now``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import duckdb

from warehouse.models import table_exists
from warehouse.reports import report_dicts

MARKET_FAMILIES = ("neocloud", "hyperscaler", "marketplace", "all")
REFERENCE_REGIONS = ("us", "europe", "asia")
PURCHASE_MODELS = ("on_demand", "spot", "reserved", "capacity_block")


@dataclass(frozen=True, kw_only=True)
class PriceBasis:
    """Which prices a cost rests on.

    Attributes
    ----------
    market_family : str
        One of ``MARKET_FAMILIES``.
    reference_region : str
        One of ``REFERENCE_REGIONS``.
    purchase_model : str
        One of ``PURCHASE_MODELS``.
    commitment_months : int or None
        Length of a reservation; None takes the shortest on offer. [month]
    provider_id : str or None
        The list prices of this provider instead of those of a market.
    min_providers : int
        A GPU with fewer fresh prices is not ranked with others. [1]
    is_data_center_only : bool
        Leave out workstation and consumer cards.
    is_asked : bool
        The market, region or provider was asked for: a GPU without a price there is left out.
        Otherwise it is listed apart, with the market that has most providers.
    """

    market_family: str = "neocloud"
    reference_region: str = "us"
    purchase_model: str = "on_demand"
    commitment_months: int | None = None
    provider_id: str | None = None
    min_providers: int = 3
    is_data_center_only: bool = False
    is_asked: bool = False

    def __str__(self) -> str:
        """Return the basis in words.

        Examples
        --------
        >>> str(PriceBasis())
        'on demand, neoclouds, US'
        >>> str(PriceBasis(purchase_model="reserved", commitment_months=12, provider_id="aws"))
        'reserved 12 months, aws, US'
        """
        term = f" {self.commitment_months} months" if self.commitment_months else ""
        sold_by = self.provider_id or FAMILY_WORDS[self.market_family]
        return (
            f"{self.purchase_model.replace('_', ' ')}{term}, {sold_by},"
            f" {REGION_WORDS[self.reference_region]}"
        )


FAMILY_WORDS = {
    "neocloud": "neoclouds",
    "hyperscaler": "hyperscalers",
    "marketplace": "marketplaces",
    "all": "all markets together",
}
REGION_WORDS = {"us": "US", "europe": "Europe", "asia": "Asia"}

DEFAULT_BASIS = PriceBasis()
"""What every derived cost rests on unless something else is asked for."""


@dataclass(frozen=True)
class SetOffer:
    """Who rents out a set of GPUs most cheaply: whole nodes, or joined GPUs one by one.

    Attributes
    ----------
    usd_per_gpu_hour : float
        What that provider asks. [USD / (GPU h)]
    gpus_per_instance : int
        [GPU]
    seen_at : datetime
        When that was last shown. [UTC]
    provider_count : int
        Providers that offer such a set. [1]
    """

    provider_id: str
    usd_per_gpu_hour: float
    gpus_per_instance: int
    seen_at: datetime
    provider_count: int


@dataclass(frozen=True)
class GpuPrice:
    """What one GPU costs an hour, and whose price that is.

    Attributes
    ----------
    usd_per_gpu_hour, low, high : float
        The middle of the providers, and 80 % of what the next seller asks; equal where the price is
        one provider's or was given. [USD / (GPU h)]
    provider_count : int
        Providers with a fresh price. [1]
    day : date
        Of the prices.
    commitment_months : int or None
        [month]
    market_family, reference_region : str or None
        Whose prices; None for a price that was given.
    provider_id : str or None
        The provider whose list price it is; None for a market.
    oldest_seen_at : datetime or None
        When the oldest of the prices was last shown. [UTC]
    is_on_basis : bool
        False where the GPU has no price on the basis that was asked for: this is one of another
        market or part of the world.
    sets : mapping of int to SetOffer, or None
        Sets on offer there, by size; None for a price that was given, which holds for any.
    """

    gpu_id: str
    usd_per_gpu_hour: float
    low: float
    high: float
    provider_count: int
    day: date
    commitment_months: int | None
    market_family: str | None = None
    reference_region: str | None = None
    provider_id: str | None = None
    oldest_seen_at: datetime | None = None
    is_on_basis: bool = True
    sets: Mapping[int, SetOffer] | None = None

    @property
    def source(self) -> str:
        """Whose price it is, of how many providers and how old, in words."""
        if self.market_family is None or self.reference_region is None:
            return "given"
        who = self.provider_id or FAMILY_WORDS[self.market_family]
        term = f"{self.commitment_months} months, " if self.commitment_months else ""
        many = "" if self.provider_id else f": {self.provider_count} provider"
        plural = "s" if many and self.provider_count != 1 else ""
        seen = f", seen {self.oldest_seen_at:%Y-%m-%d}" if self.oldest_seen_at else ""
        return f"{term}{who}, {REGION_WORDS[self.reference_region]}{many}{plural}{seen}"

    def of_set(self, gpu_count: int) -> GpuPrice:
        """Return what a GPU costs in a set: what its cheapest seller asks where that is more.

        Nobody can rent the set at the middle of the market then. Low and high move with it.

        Examples
        --------
        >>> at, day = datetime(2026, 8, 10), date(2026, 8, 10)
        >>> sets = {8: SetOffer("acme", 3.0, 8, at, 1)}
        >>> price = GpuPrice("H100-SXM-80GB", 2.0, 1.5, 3.0, 4, day, None, sets=sets)
        >>> price.of_set(8).usd_per_gpu_hour, price.of_set(8).high, price.of_set(4).high
        (3.0, 4.5, 3.0)
        """
        offer = (self.sets or {}).get(gpu_count)
        factor = offer.usd_per_gpu_hour / self.usd_per_gpu_hour if offer else 1.0
        if factor <= 1:
            return self
        low, usd, high = (value * factor for value in (self.low, self.usd_per_gpu_hour, self.high))
        return replace(self, usd_per_gpu_hour=usd, low=low, high=high)

    def is_ranked(self, basis: PriceBasis) -> bool:
        """Return whether the price may stand in one ranking with those of other GPUs."""
        is_alone = self.provider_id is not None or self.market_family is None
        return self.is_on_basis and (is_alone or self.provider_count >= basis.min_providers)


def basis_prices(
    connection: duckdb.DuckDBPyConnection, basis: PriceBasis = DEFAULT_BASIS
) -> dict[str, GpuPrice]:
    """Return the price of every GPU on a basis, by GPU.

    A GPU without a price there has that of the market with most providers, and says so
    (``is_on_basis``).

    Parameters
    ----------
    connection : DuckDBPyConnection
        A published file, a past of it, or the build after ``gpu_price_now`` is made.
    basis : PriceBasis
    """
    if not table_exists(connection, "marts.gpu_price_now"):
        return {}
    report = "basis_prices" if basis.provider_id is None else "basis_prices_of_provider"
    rows = report_dicts(connection, report, **vars(basis))
    sets = _set_offers(connection, basis)
    prices = (
        GpuPrice(**row, sets=sets.get(tuple(row[name] for name in PLACE), {})) for row in rows
    )
    return {price.gpu_id: price for price in prices if price.is_on_basis or not basis.is_asked}


PLACE = ("gpu_id", "market_family", "reference_region", "commitment_months")


def _set_offers(
    connection: duckdb.DuckDBPyConnection, basis: PriceBasis
) -> dict[tuple[Any, ...], dict[int, SetOffer]]:
    """Return the sets on offer of each GPU, by market, part of the world and term."""
    found: defaultdict[tuple[Any, ...], dict[int, SetOffer]] = defaultdict(dict)
    for row in report_dicts(connection, "set_offers", **vars(basis)):
        place = tuple(row.pop(name) for name in PLACE)
        gpu_count = row.pop("gpu_count")
        found[place][gpu_count] = SetOffer(**row)
    return found


def given_price(gpu_id: str, usd_per_gpu_hour: float, on: date) -> GpuPrice:
    """Return a price that the user gave: of no market, without a spread [USD / (GPU h)]."""
    return GpuPrice(gpu_id, usd_per_gpu_hour, usd_per_gpu_hour, usd_per_gpu_hour, 1, on, None)
