"""Prices of accelerators from 2010 to 2025, by the hour and to buy: Epoch AI's training-cost data.

Some 600 readings of price pages and archived copies, one row a date, cloud, chip and node size.
Here are the prices by the hour: on demand or committed for one or three years. A reading covers
its own chip at its own cloud only. Purchase prices are read by ``epoch_training_cost``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import date

from pipelines.sources.base import (
    Held,
    Moment,
    Offer,
    OutOfScope,
    OwnHistory,
    Payload,
    PurchaseModel,
    ReadRow,
    Row,
    Source,
    four_times,
    one_request,
)
from pipelines.sources.dated_file import (
    ANOTHER_TIME,
    dated_rows,
    part_of,
    utc,
)
from pipelines.sources.fields import each_row, offer_or_held
from pipelines.sources.providers import market_tier, provider_id

SERIES = ("Vendor", "Hardware model", "Number of GPUs", "Location", "Cloud GPU description")
PRICES: dict[str, tuple[PurchaseModel, int | None]] = {
    "Price per chip-hour (on-demand)": ("on_demand", None),
    "Price per chip-hour (1-year CUD)": ("reserved", 12),
    "Price per chip-hour (3-year CUD)": ("reserved", 36),
}
COLUMNS = ("Price date", "Price source", *SERIES, *PRICES)
NO_GPU_CLOUDS = {"databricks"}


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield the offers of one series at one date, or of every series at the newest date."""
    lines = dated_rows(payload, COLUMNS)
    part = part_of(payload)
    day, _, series = (part or "").partition("@")
    day = day or max((row["Price date"] for row in lines if _has_price(row)), default="")
    if part:
        lines = [row for row in lines if row["Price date"] == day and _series(row) == series]

    def read(row: Mapping[str, str]) -> Iterator[Row]:
        if not _has_price(row):
            yield OutOfScope("a price to buy, not to rent")
        elif provider_id(row["Vendor"]) in NO_GPU_CLOUDS:
            yield OutOfScope("of a seller of databases, which rents no GPUs")
        elif row["Price date"] != day:
            yield OutOfScope(ANOTHER_TIME)
        else:
            yield from _offers(row)

    rows = list(each_row(payload, lines, read))
    highest: dict[object, Offer] = {}
    for offer in (one for row in rows for one in row.found if isinstance(one, Offer)):
        other = highest.setdefault(_key(offer), offer)
        if other.price_amount < offer.price_amount:
            highest[_key(offer)] = offer
    for row in rows:
        yield ReadRow(row.printed, tuple(_compared(one, highest, row) for one in row.found))


def _key(offer: Offer) -> tuple[object, ...]:
    return offer.sku, offer.purchase_model, offer.commitment_months


def _compared(record: Row, highest: Mapping[object, Offer], row: ReadRow) -> Row:
    # Of two readings of one day the higher is the page's price without a discount.
    if not isinstance(record, Offer) or record.price_amount == highest[_key(record)].price_amount:
        return record if not isinstance(record, Offer) else highest[_key(record)]
    reason = f"another reading of the day is higher: {highest[_key(record)].price_amount}"
    return Held(rule="lower_reading", reason=reason, row=row.printed)


def moments(payload: Payload) -> Iterator[Moment]:
    """Yield every series at every date at which it has a price by the hour."""
    priced = [row for row in dated_rows(payload, COLUMNS) if _has_price(row)]
    for day, series in sorted({(row["Price date"], _series(row)) for row in priced}):
        yield Moment(part=f"{day}@{series}", scope=series, at=utc(day))


def _has_price(row: Mapping[str, str]) -> bool:
    return bool(row["Vendor"]) and any(row[column].strip() for column in PRICES)


def _series(row: Mapping[str, str]) -> str:
    text = "|".join(row[column].strip() for column in SERIES)
    return f"{provider_id(row['Vendor'])}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def _offers(row: Mapping[str, str]) -> Iterator[Row]:
    vendor = provider_id(row["Vendor"])
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
    row_of_answer="line; of a past series, its own lines",
    parser_version=2,
    verified_with="whole",
    verified_on=date(2025, 6, 20),
    expected_rows=(100, 5000),
    max_bytes=four_times(103_165),
    past=OwnHistory(first_day=date(2017, 2, 10), moments=moments),
    currency="USD",
    price_basis="gpu",
    price_unit="hour",
    disabled_reason="a history, not today's prices: truecost backfill epoch_hardware_prices",
)
