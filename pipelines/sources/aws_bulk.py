"""AWS's bulk price list: reserved instances of one and three years, by region.

Hundreds of megabytes of CSV a region, read on disk by DuckDB. Five lines of disclaimer precede
the header; columns are found by name. A reservation is one or two rates: an hourly one (``Hrs``)
and what is paid at the start (``Quantity``). On-demand prices have a lighter source.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from cost_engine.units import HOURS_PER_MONTH_OF_365_DAYS
from pipelines.sources.base import (
    MEBIBYTE,
    Fetching,
    Held,
    OutOfScope,
    ParseError,
    Payload,
    ReadRow,
    Request,
    Row,
    Source,
)
from pipelines.sources.fields import decimal_or_none, each_row, offer_or_held, price_or_held, sku_of
from pipelines.sources.instance_types import AWS, instance_type

HOST = "https://pricing.us-east-1.amazonaws.com"
REGIONS = ("us-east-1", "us-east-2", "us-west-2", "eu-west-1", "ap-northeast-1")
FILE_MAX_BYTES = 4096 * MEBIBYTE
HEADER_START, HEADER_WITHIN_LINES = '"SKU"', 20
TERM_MONTHS = {"1yr": 12, "3yr": 36}
HOURS_PER_MONTH = int(HOURS_PER_MONTH_OF_365_DAYS)
RATES = {  # what a purchase option consists of
    "No Upfront": ("hourly",),
    "Partial Upfront": ("upfront", "hourly"),
    "All Upfront": ("upfront",),
}
RESERVATIONS = """
    with lines as (
        select *, case
            when split_part("Instance Type", '.', 1) not in (select unnest($families))
                or "Instance Type" is null then 'no accelerator'
            when "TermType" is distinct from 'Reserved' then 'on demand, which another source reads'
            when "Tenancy" is distinct from 'Shared' then 'dedicated tenancy'
            when "Operating System" is distinct from 'Linux' then 'another operating system'
            when "CapacityStatus" is distinct from 'Used' then 'a capacity reservation'
            when coalesce("Pre Installed S/W", '') not in ('NA', '') then 'with licensed software'
            when "MarketOption" is distinct from 'OnDemand' then 'a capacity block'
        end as reason
        from read_csv($path, skip = $lines, header = true, all_varchar = true, delim = ',',
            quote = '"', escape = '"')
    )
    select
        reason,
        case when reason is null then "SKU" end as sku,
        case when reason is null then "OfferTermCode" end as offer_term_code,
        case when reason is null then "Instance Type" end as instance_type,
        case when reason is null then "Region Code" end as region,
        case when reason is null then "LeaseContractLength" end as term,
        case when reason is null then "PurchaseOption" end as option,
        case when reason is null then "OfferingClass" end as class,
        case when reason is null then "Currency" end as currency,
        any_value("vCPU") as vcpus,
        max("PricePerUnit") filter (where "Unit" = 'Hrs') as hourly,
        max("PricePerUnit") filter (where "Unit" = 'Quantity') as upfront,
        count(*) as rate_count
    from lines
    group by 1, 2, 3, 4, 5, 6, 7, 8, 9
    order by 4, 5, 6, 7, 8, 1
"""


def requests(fetching: Fetching) -> Sequence[Request]:
    """Return one request for each region."""
    return [
        Request(
            key=region,
            url=f"{HOST}/offers/v1.0/aws/AmazonEC2/current/{region}/index.csv",
        )
        for region in REGIONS
    ]


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield one offer for each instance type with whole accelerators, term and way to pay."""
    with _file(payload) as path, duckdb.connect(":memory:") as connection:
        connection.execute(
            "set memory_limit = '256MiB'; set threads = 1; set enable_progress_bar = false"
        )
        try:
            lines = _lines_before_header(path)
            values = {"path": str(path), "lines": lines, "families": list(AWS)}
            cursor = connection.execute(RESERVATIONS, values)
        except duckdb.Error as error:
            reason = str(error).splitlines()[0]
            raise ParseError(f"{payload.where()}: {reason}; did the columns change?") from error
        names = [column[0] for column in cursor.description]
        rows = [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]
    for row in each_row(payload, rows, _offers):
        yield replace(row, count=row.printed["rate_count"])


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
    if row["reason"]:
        yield OutOfScope(row["reason"])
        return
    spec = instance_type("aws", row["instance_type"])
    if spec is None:
        reason = f"how many of what {row['instance_type']} holds is not in the table"
        yield Held(rule="instance_type_unknown", reason=reason, row=row)
        return
    months, wanted = TERM_MONTHS[row["term"]], RATES[row["option"]]
    if not spec.is_whole:
        yield Held(rule="fractional_gpu", reason=f"{spec.gpu_count} of a GPU", row=row)
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
    row_of_answer="line after the header",
    parser_version=1,
    expected_rows=(200, 8000),
    max_bytes=FILE_MAX_BYTES,
    visit_max_bytes=len(REGIONS) * FILE_MAX_BYTES,
    price_basis="instance",
    known_gpus=frozenset({"H100 SXM", "L4", "A10G"}),
    disabled_reason="hundreds of megabytes a region: asked for by name only",
    reads_path=True,
)
