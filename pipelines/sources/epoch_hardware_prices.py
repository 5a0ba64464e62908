"""Prices of accelerators from 2010 to 2025, by the hour and to buy: Epoch AI's training-cost data.

Some 600 readings of price pages and archived copies, one row a date, cloud, chip and node size.
Here are the prices by the hour: on demand or committed for one or three years. A reading covers
its own chip at its own cloud only. Purchase prices are read by ``epoch_training_cost``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

from pipelines.sources.base import (
    Offer,
    Payload,
    PurchaseModel,
    Row,
    Source,
    each_row,
    offer_or_held,
    one_request,
)
from pipelines.sources.dated_file import Moment, dated_rows, part_of, utc
from pipelines.sources.providers import market_tier, provider_id

SERIES = ("Vendor", "Hardware model", "Number of GPUs", "Location", "Cloud GPU description")
PRICES: dict[str, tuple[PurchaseModel, int | None]] = {
    "Price per chip-hour (on-demand)": ("on_demand", None),
    "Price per chip-hour (1-year CUD)": ("reserved", 12),
    "Price per chip-hour (3-year CUD)": ("reserved", 36),
}
COLUMNS = ("Price date", "Price source", *SERIES, *PRICES)
VENDORS = {"amazonwebservices": "aws", "microsoftazure": "azure", "latitude.sh": "latitude"}


def parse(payload: Payload) -> Iterator[Row]:
    """Yield the offers of one series at one date, or of every series at the newest date."""
    rows = dated_rows(payload, COLUMNS)
    day, _, series = (part_of(payload) or "").partition("@")
    day = day or max(row["Price date"] for row in rows if _has_price(row))
    rows = [row for row in rows if row["Price date"] == day and _has_price(row)]
    rows = [row for row in rows if series in ("", _series(row))]
    # Two readings of one day: the dearer is what the page asks without a discount.
    dearest: dict[object, Row] = {}
    for offer in each_row(payload, rows, _offers):
        if isinstance(offer, Offer):
            key = (offer.sku, offer.purchase_model, offer.commitment_months)
            known = dearest.setdefault(key, offer)
            if isinstance(known, Offer) and known.price_amount < offer.price_amount:
                dearest[key] = offer
        else:
            dearest[len(dearest)] = offer
    yield from dearest.values()


def moments(payload: Payload) -> Iterator[Moment]:
    """Yield every series at every date at which it has a price by the hour."""
    priced = [row for row in dated_rows(payload, COLUMNS) if _has_price(row)]
    for day, series in sorted({(row["Price date"], _series(row)) for row in priced}):
        yield Moment(part=f"{day}@{series}", scope=series, at=utc(day))


def _has_price(row: Mapping[str, str]) -> bool:
    return bool(row["Vendor"]) and any(row[column].strip() for column in PRICES)


def _series(row: Mapping[str, str]) -> str:
    text = "|".join(row[column].strip() for column in SERIES)
    return f"{_vendor(row)}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def _vendor(row: Mapping[str, str]) -> str:
    found = provider_id(row["Vendor"])
    return VENDORS.get(found, found)


def _offers(row: Mapping[str, str]) -> Iterator[Row]:
    vendor = _vendor(row)
    for column, (purchase_model, months) in PRICES.items():
        if row[column].strip() == "":
            continue
        yield offer_or_held(
            row,
            price=row[column],
            provider_id=vendor,
            sku=_series(row),
            gpu_name_printed=row["Hardware model"],
            gpu_count=row["Number of GPUs"] or 1,
            region=row["Location"] or None,
            currency="USD",
            price_basis="gpu",
            price_unit="hour",
            purchase_model=purchase_model,
            commitment_months=months,
            market_tier=market_tier(vendor),
            source_time=utc(row["Price date"]),
            offer_url=row["Price source"] if row["Price source"].startswith("http") else None,
        )


SOURCE = Source(
    source_id="epoch_hardware_prices",
    title="Epoch AI, prices of accelerators 2010 to 2025",
    kind="feed",
    homepage_url="https://epoch.ai/blog/how-much-does-it-cost-to-train-frontier-ai-models",
    terms_url="https://epoch.ai/data",
    licence="CC-BY-4.0",
    credit="Hardware prices: Epoch AI (CC BY 4.0)",
    may_redistribute=True,
    allowed_hosts=("raw.githubusercontent.com",),
    requests=one_request(
        "prices",
        "https://raw.githubusercontent.com/epoch-research/training-cost-trends/main/data/"
        "Hardware%20prices.csv",
    ),
    parse=parse,
    parser_version=1,
    expected_rows=(100, 5000),
    currency="USD",
    price_basis="gpu",
    price_unit="hour",
    disabled_reason="a history, not today's prices: truecost backfill epoch_hardware_prices",
)
