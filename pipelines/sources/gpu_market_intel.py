"""Readings of Lambda, RunPod and Vast.ai, hourly since March 2026: nixj9/gpu-market-intel.

The file names a card, not its form, and repeats it for each variant (SXM, PCIe, node size): the
cheapest comes first here, so that a number tells the variants apart. Prices are of one GPU. Of
each day the last reading is used.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal

from pipelines.sources.base import (
    Moment,
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
    last_of_each_day,
    part_of,
    utc,
)
from pipelines.sources.fields import decimal_or_none, each_row, offer_or_held
from pipelines.sources.providers import market_tier, provider_id

COLUMNS = ("timestamp", "provider", "gpu", "on_demand_hr", "spot_price_hr", "availability")
AVAILABILITY = {"Available": True, "High": True, "Medium": True, "Low": True, "Unavailable": False}


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield on-demand and spot prices of one reading: the one asked for, or the newest."""
    part = part_of(payload)
    rows = dated_rows(payload, COLUMNS, f"{part}," if part else "")
    newest = part or max(row["timestamp"] for row in rows)
    rows.sort(key=_price)
    seen: Counter[tuple[str, ...]] = Counter()
    read: dict[tuple[str, ...], list[Row]] = {}  # a line that is printed twice is one offer

    def offers(row: Mapping[str, str]) -> list[Row]:
        if row["timestamp"] != newest:
            return [OutOfScope(ANOTHER_TIME)]
        line = tuple(row.values())
        if line not in read:
            read[line] = list(_offers(row, seen))
        return read[line]

    yield from each_row(payload, rows, offers)


def _price(row: Mapping[str, str]) -> Decimal:
    printed = row.get("on_demand_hr") or row.get("spot_price_hr")
    return decimal_or_none(printed) or Decimal(0)


def moments(payload: Payload) -> Iterator[Moment]:
    """Yield the last reading of every day."""
    times = {row["timestamp"]: utc(row["timestamp"]) for row in dated_rows(payload, COLUMNS)}
    yield from last_of_each_day(times, "prices")


def _offers(row: Mapping[str, str], seen: Counter[tuple[str, ...]]) -> Iterator[Row]:
    provider = provider_id(row["provider"])
    seen[provider, row["gpu"]] += 1
    prices: dict[PurchaseModel, str] = {"on_demand": row["on_demand_hr"]}
    # The reader of RunPod fills the spot column with the on-demand price.
    if decimal_or_none(row["spot_price_hr"]) != decimal_or_none(row["on_demand_hr"]):
        prices["spot"] = row["spot_price_hr"]
    given = {model: price for model, price in prices.items() if price != ""}
    for purchase_model, price in (given or prices).items():
        yield offer_or_held(
            row,
            price=price,
            provider_id=provider,
            sku=f"{row['gpu']} #{seen[provider, row['gpu']]}",
            gpu_name_printed=row["gpu"],
            gpu_count=1,
            currency="USD",
            price_basis="gpu",
            price_unit="hour",
            purchase_model=purchase_model,
            market_tier=market_tier(provider),
            is_available=AVAILABILITY.get(row["availability"]),
            source_time=utc(row["timestamp"]),
        )


SOURCE = Source(
    source_id="gpu_market_intel",
    title="Lambda, RunPod and Vast.ai prices, hourly from March to August 2026",
    kind="feed",
    homepage_url="https://github.com/nixj9/gpu-market-intel",
    terms_url="https://github.com/nixj9/gpu-market-intel",
    licence="none stated",
    credit="GPU prices: nixj9/gpu-market-intel",
    allowed_hosts=("raw.githubusercontent.com",),
    requests=one_request(
        "prices",
        "https://raw.githubusercontent.com/nixj9/gpu-market-intel/main/data/gpu_pricing.csv",
    ),
    parse=parse,
    row_of_answer="line; of a past reading, its own lines",
    parser_version=1,
    verified_with="whole",
    verified_on=date(2026, 8, 22),
    expected_rows=(5, 100),
    max_bytes=four_times(3_096_878),
    past=OwnHistory(first_day=date(2026, 3, 11), moments=moments),
    currency="USD",
    price_basis="gpu",
    price_unit="hour",
    disabled_reason="a history, not today's prices: truecost backfill gpu_market_intel",
)
