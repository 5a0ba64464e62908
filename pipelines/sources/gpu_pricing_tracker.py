"""Prices of some 60 clouds by day since February 2026: cherielilili/gpu-pricing-tracker.

On 2026-05-08 the collector changed: until then one comparison site, since then the providers' own
interfaces, with a median over a marketplace's offers. Each row names the page it was read from,
the collector: it is part of the offer's identity and a scope of its own here, so that the change
of method ends one series and begins another, and is never a move of a price. The comparison site
showed whole instances until 2026-02-18 and single GPUs since (the median ratio of eight GPUs to one
falls from 8.0 to 1.0 from that day to the next): a break too. The other collectors give one GPU.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from urllib.parse import urlsplit

from pipelines.sources.base import (
    Held,
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
    part_of,
    utc,
)
from pipelines.sources.fields import each_row, offer_or_held
from pipelines.sources.providers import market_tier, provider_id

COLUMNS = ("date", "provider", "gpu_model", "gpu_count", "region", "rental_type",
           "price_median_usd", "source_url", "fetched_at")  # fmt: skip
PER_INSTANCE = "getdeploying.com per instance"
PER_GPU_SINCE = "2026-02-19"
RENTAL_TYPES: dict[str, PurchaseModel] = {"on_demand": "on_demand", "spot": "spot"}


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield the median price of every provider, GPU, node size and rental type of one day."""
    day, _, collector = (part_of(payload) or "").partition("@")
    rows = dated_rows(payload, COLUMNS, f"{day}," if day else "")
    day = day or max(row["date"] for row in rows)

    def read(row: Mapping[str, str]) -> Iterator[Row]:
        if row["date"] != day:
            yield OutOfScope(ANOTHER_TIME)
        elif collector not in ("", _collector(row)):
            yield OutOfScope("of another collector")
        else:
            yield from _offers(row)

    yield from each_row(payload, rows, read)


def moments(payload: Payload) -> Iterator[Moment]:
    """Yield every day of every collector, at the time of its last reading."""
    times: dict[tuple[str, str], datetime] = {}
    for row in dated_rows(payload, COLUMNS):
        part, at = (row["date"], _collector(row)), utc(row["fetched_at"])
        times[part] = max(times.get(part, at), at)
    for (day, collector), at in sorted(times.items()):
        yield Moment(part=f"{day}@{collector}", scope=collector, at=at)


def _collector(row: Mapping[str, str]) -> str:
    host = urlsplit(row["source_url"]).hostname or "unknown"
    if host == "getdeploying.com" and row["date"] < PER_GPU_SINCE:
        return PER_INSTANCE
    return host


def _offers(row: Mapping[str, str]) -> Iterator[Row]:
    purchase_model = RENTAL_TYPES.get(row["rental_type"])
    if purchase_model is None:
        reason = f"rental type {row['rental_type']!r} is neither on demand nor spot"
        yield Held(rule="rental_type_unknown", reason=reason, row=row)
        return
    provider = provider_id(row["provider"])
    yield offer_or_held(
        row,
        price=row["price_median_usd"],
        provider_id=provider,
        sku=f"{row['gpu_model']} x{row['gpu_count']} via {_collector(row)}",
        gpu_name_printed=row["gpu_model"],
        gpu_count=row["gpu_count"],
        region=None if row["region"] == "global" else row["region"],
        currency="USD",
        price_basis="instance" if _collector(row) == PER_INSTANCE else "gpu",
        price_unit="hour",
        purchase_model=purchase_model,
        market_tier=market_tier(provider),
        source_time=utc(row["fetched_at"]),
        offer_url=row["source_url"],
    )


SOURCE = Source(
    source_id="gpu_pricing_tracker",
    title="GPU prices of some 60 clouds, daily from February to July 2026",
    kind="feed",
    homepage_url="https://github.com/cherielilili/gpu-pricing-tracker",
    terms_url="https://github.com/cherielilili/gpu-pricing-tracker",
    licence="none stated",
    credit="GPU prices: cherielilili/gpu-pricing-tracker",
    allowed_hosts=("raw.githubusercontent.com",),
    requests=one_request(
        "observations",
        "https://raw.githubusercontent.com/cherielilili/gpu-pricing-tracker/main/data/"
        "observations.csv",
    ),
    parse=parse,
    row_of_answer="line; of a past day, its own lines",
    parser_version=2,
    verified_with="whole",
    verified_on=date(2026, 7, 20),
    expected_rows=(50, 600),
    max_bytes=four_times(4_173_359),
    past=OwnHistory(first_day=date(2026, 2, 11), moments=moments),
    currency="USD",
    price_basis="gpu",
    price_unit="hour",
    disabled_reason="a history, not today's prices: truecost backfill gpu_pricing_tracker",
)
