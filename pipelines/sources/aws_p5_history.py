"""What eight H100 cost at AWS, daily since April 2025: amorton45/aws-gpu-price-tracker.

One instance type, p5.48xlarge on demand. The file does not name the region.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

from pipelines.sources.base import (
    Held,
    Moment,
    OutOfScope,
    OwnHistory,
    Payload,
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
from pipelines.sources.instance_types import instance_type

COLUMNS = ("timestamp", "instance", "price_usd")


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield the offers of one reading: the one asked for, or the newest with a price."""
    part = part_of(payload)
    rows = dated_rows(payload, COLUMNS, f"{part}," if part else "")
    part = part or [moment.part for moment in moments(payload)][-1]
    yield from each_row(payload, rows, lambda row: _offers(row, part))


def moments(payload: Payload) -> Iterator[Moment]:
    """Yield the readings that differ from the one before: another price, or another month."""
    rows = dated_rows(payload, COLUMNS)
    priced = {row["timestamp"]: row for row in rows if decimal_or_none(row["price_usd"])}
    times = {part: utc(part) for part in priced or [row["timestamp"] for row in rows]}
    said = None
    for moment in last_of_each_day(times, "prices"):
        news = (moment.at.year, moment.at.month, priced.get(moment.part, {}).get("price_usd"))
        if news != said:
            yield moment
        said = news


def _offers(row: Mapping[str, str], part: str) -> Iterator[Row]:
    if row["timestamp"] != part:
        yield OutOfScope(ANOTHER_TIME)
        return
    held = instance_type("aws", row["instance"])
    if held is None or not held.is_whole:
        reason = f"instance type {row['instance']!r} is not in the table of instance types"
        yield Held(rule="instance_type_unknown", reason=reason, row=row)
        return
    yield offer_or_held(
        row,
        price=row["price_usd"],
        provider_id="aws",
        sku=row["instance"],
        gpu_name_printed=held.gpu,
        gpu_count=int(held.gpu_count),
        currency="USD",
        price_basis="instance",
        price_unit="hour",
        purchase_model="on_demand",
        market_tier="hyperscaler",
        source_time=utc(row["timestamp"]),
    )


SOURCE = Source(
    source_id="aws_p5_history",
    title="AWS p5.48xlarge on demand, daily since April 2025",
    kind="feed",
    homepage_url="https://github.com/amorton45/aws-gpu-price-tracker",
    terms_url="https://github.com/amorton45/aws-gpu-price-tracker",
    licence="none stated",
    credit="AWS p5 prices: amorton45/aws-gpu-price-tracker",
    allowed_hosts=("raw.githubusercontent.com",),
    requests=one_request(
        "prices",
        "https://raw.githubusercontent.com/amorton45/aws-gpu-price-tracker/main/gpu_prices.csv",
    ),
    parse=parse,
    row_of_answer="line; of a past reading, its own lines",
    parser_version=1,
    verified_with="whole",
    verified_on=date(2026, 8, 22),
    expected_rows=(1, 10),
    max_bytes=four_times(19_357),
    past=OwnHistory(first_day=date(2024, 5, 1), moments=moments),
    currency="USD",
    price_basis="instance",
    price_unit="hour",
    disabled_reason="a history, not today's prices: truecost backfill aws_p5_history",
)
