"""AWS's bulk price list: reserved instances of one and three years, by region.

Hundreds of megabytes of CSV a region, read on disk by DuckDB. Five lines of disclaimer stand before
the header; columns are found by name. A reservation is one or two rates: an hourly one (``Hrs``)
and what is paid at the start (``Quantity``). On-demand prices have a lighter source.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from pipelines.sources.base import (
    MEBIBYTE,
    Fetching,
    Held,
    ParseError,
    Payload,
    Request,
    Row,
    Source,
    decimal_or_none,
    each_row,
    offer_or_held,
    price_or_held,
    sku_of,
)
from pipelines.sources.instance_types import AWS, instance_type

HOST = "https://pricing.us-east-1.amazonaws.com"
REGIONS = ("us-east-1", "us-east-2", "us-west-2", "eu-west-1", "ap-northeast-1")
HEADER_START, HEADER_WITHIN_LINES = '"SKU"', 20
TERM_MONTHS = {"1yr": 12, "3yr": 36}
HOURS_PER_MONTH = 730  # of a 365-day year
RATES = {  # what a purchase option consists of
    "No Upfront": ("hourly",),
    "Partial Upfront": ("upfront", "hourly"),
    "All Upfront": ("upfront",),
}
RESERVATIONS = """
    select
        "Instance Type" as instance_type,
        "Region Code" as region,
        "LeaseContractLength" as term,
        "PurchaseOption" as option,
        "OfferingClass" as class,
        "Currency" as currency,
        any_value("vCPU") as vcpus,
        max("PricePerUnit") filter (where "Unit" = 'Hrs') as hourly,
        max("PricePerUnit") filter (where "Unit" = 'Quantity') as upfront,
        count(*) as rate_count
    from read_csv(?, skip = ?, header = true, all_varchar = true, delim = ',',
        quote = '"', escape = '"')
    where split_part("Instance Type", '.', 1) in (select unnest(?))
        and "TermType" = 'Reserved'
        and "Tenancy" = 'Shared'
        and "Operating System" = 'Linux'
        and "CapacityStatus" = 'Used'
        and "Pre Installed S/W" in ('NA', '')
        and "MarketOption" = 'OnDemand'
    group by "SKU", "OfferTermCode", 1, 2, 3, 4, 5, 6
    order by 1, 2, 3, 4, 5
"""


def requests(fetching: Fetching) -> Sequence[Request]:
    """Return one request for each region."""
    return [
        Request(
            key=region,
            url=f"{HOST}/offers/v1.0/aws/AmazonEC2/current/{region}/index.csv",
            max_bytes=4096 * MEBIBYTE,
        )
        for region in REGIONS
    ]


def parse(payload: Payload) -> Iterator[Row]:
    """Yield one offer for each instance type with whole accelerators, term and way to pay."""
    with _file(payload) as path, duckdb.connect(":memory:") as connection:
        connection.execute("set memory_limit = '256MiB'; set threads = 1")
        try:
            lines = _lines_before_header(path)
            cursor = connection.execute(RESERVATIONS, [str(path), lines, list(AWS)])
        except duckdb.Error as error:
            reason = str(error).splitlines()[0]
            raise ParseError(f"{payload.where()}: {reason}; did the columns change?") from error
        names = [column[0] for column in cursor.description]
        rows = [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]
    ours = [row for row in rows if instance_type("aws", str(row["instance_type"]))]
    yield from each_row(payload, ours, _offers)


@contextmanager
def _file(payload: Payload) -> Iterator[Path]:
    if payload.path is not None:
        yield payload.path
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "index.csv")
        path.write_bytes(payload.content)
        yield path


def _lines_before_header(path: Path) -> int:
    with path.open(encoding="utf-8-sig", errors="replace") as lines:
        for number, line in zip(range(HEADER_WITHIN_LINES), lines, strict=False):
            if line.startswith(HEADER_START):
                return number
    raise ParseError(f"aws_bulk: no line that starts {HEADER_START} in {path.name}'s first lines")


def _offers(row: Mapping[str, Any]) -> Iterator[Row]:
    spec = instance_type("aws", row["instance_type"])
    months, wanted = TERM_MONTHS[row["term"]], RATES[row["option"]]
    if spec is None or not spec.is_whole:
        reason = f"{spec.gpu_count} of a GPU" if spec else "unknown instance type"
        yield Held(rule="fractional_gpu", reason=reason, row=row)
        return
    rates = {name: price_or_held(row[name], row) for name in wanted}
    held = next((rate for rate in rates.values() if isinstance(rate, Held)), None)
    extra = [n for n in ("hourly", "upfront") if n not in wanted and decimal_or_none(row[n])]
    if held or extra or row["rate_count"] > 2:
        reason = f"{row['option']!r} with {row['rate_count']} rates, {extra or 'none'} beside it"
        yield held or Held(rule="rates_ambiguous", reason=reason, row=row)
        return
    amounts = {name: rate for name, rate in rates.items() if isinstance(rate, Decimal)}
    upfront, hourly = amounts.get("upfront", Decimal(0)), amounts.get("hourly", Decimal(0))
    total = upfront + hourly * HOURS_PER_MONTH * months
    yield offer_or_held(
        row,
        price=total if upfront else hourly,
        provider_id="aws",
        sku=sku_of(row["instance_type"], row["class"]),
        gpu_name_printed=spec.gpu,
        gpu_count=int(spec.gpu_count),
        currency=row["currency"],
        price_basis="instance",
        price_unit="term" if upfront else "hour",
        purchase_model="reserved",
        market_tier="hyperscaler",
        region=row["region"],
        commitment_months=months,
        upfront_fraction=round(upfront / total, 6),
        gpu_memory_bytes=spec.gpu_memory_bytes,
        vcpu_count=decimal_or_none(row["vcpus"]),
        form_factor=spec.form_factor,
    )


SOURCE = Source(
    source_id="aws_bulk",
    title="AWS EC2 bulk price list (reserved)",
    kind="api",
    homepage_url="https://aws.amazon.com/ec2/pricing/reserved-instances/pricing/",
    terms_url="https://aws.amazon.com/terms/",
    credit="Prices: Amazon Web Services",
    allowed_hosts=("pricing.us-east-1.amazonaws.com",),
    requests=requests,
    parse=parse,
    parser_version=1,
    expected_rows=(200, 8000),
    price_basis="instance",
    known_gpus=frozenset({"H100 SXM", "L4", "A10G"}),
    disabled_reason="hundreds of megabytes a region: asked for by name only",
    reads_path=True,
)
