"""Which of the listed prices of a GPU counts as what it costs to buy.

Pure arithmetic on dated listings. Where the listings come from is not known here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median

RECENT_DAYS = 400
"""Listings up to this much older than the newest of a GPU count for its median. [d] assumption: a
list price holds for about a year."""


@dataclass(frozen=True)
class Listing:
    """A dated list price of one GPU, alone or with its share of a server [USD]."""

    usd: float
    priced_on: date
    is_server_share: bool
    source_url: str


@dataclass(frozen=True)
class PurchasePrice:
    """What one GPU with its share of a server costs to buy.

    Attributes
    ----------
    usd : float
        Median of the listings that count. [USD]
    priced_on : date
        Of the newest listing.
    count : int
        Listings that count.
    source_url : str
        Of the listing nearest to the median.
    """

    usd: float
    priced_on: date
    count: int
    source_url: str


def purchase_price(listings: Sequence[Listing], server_overhead: float) -> PurchasePrice | None:
    """Return the median of the newest list prices of a GPU, None without any.

    Prices of a share of a server count before prices of the GPU alone, which are raised by the
    server overhead.

    Parameters
    ----------
    listings : sequence of Listing
        All up to the day of the question.
    server_overhead : float
        Price of a server over the price of its GPUs. [1]

    Examples
    --------
    >>> alone = Listing(30_000.0, date(2024, 3, 1), False, "shop")
    >>> purchase_price([alone], 1.64).usd
    49200.0
    >>> purchase_price([alone, Listing(35_000.0, date(2024, 6, 1), True, "maker")], 1.64).usd
    35000.0
    """
    if not listings:
        return None
    newest = max(listing.priced_on for listing in listings)
    recent = [one for one in listings if (newest - one.priced_on).days <= RECENT_DAYS]
    counted = [one for one in recent if one.is_server_share] or recent
    values = [one.usd * (1.0 if one.is_server_share else server_overhead) for one in counted]
    middle = median(values)
    nearest = min(zip(values, counted, strict=True), key=lambda pair: abs(pair[0] - middle))[1]
    return PurchasePrice(middle, newest, len(values), nearest.source_url)
