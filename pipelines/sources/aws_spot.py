"""AWS spot prices: the file behind the pricing page, all regions, US dollars as text.

Old regions have their old names (``us-east``); ``N/A*`` means not offered there. Instance
types without accelerators, and Windows columns, are not read. The older ``spot.js`` elsewhere has
been frozen since 2024-05-13 and is not read either.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipelines.sources.base import (
    NO_ACCELERATOR,
    Held,
    OutOfScope,
    ParseError,
    Payload,
    ReadRow,
    Row,
    Source,
    one_request,
)
from pipelines.sources.fields import each_row, objects_at, objects_in, offer_or_held, value_at
from pipelines.sources.instance_types import instance_type

OLD_NAMES = {
    "us-east": "us-east-1",
    "us-west": "us-west-1",
    "eu-ireland": "eu-west-1",
    "apac-sin": "ap-southeast-1",
    "apac-syd": "ap-southeast-2",
    "apac-tokyo": "ap-northeast-1",
}
NOT_OFFERED = "N/A*"


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield one Linux spot offer for each region and instance type with whole accelerators."""
    if value_at(payload, "config", "currencies") != ["USD"]:
        raise ParseError(f"{payload.where()}: config.currencies is not ['USD']")
    if (rate := value_at(payload, "config", "rate")) not in (None, "perhr"):
        raise ParseError(f"{payload.where()}: config.rate is {rate!r}, not 'perhr'")
    yield from each_row(payload, _sizes(objects_at(payload, "config", "regions")), _offers)


def _sizes(regions: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Yield every instance type of every region, with the region."""
    for region in regions:
        for family in objects_in(region.get("instanceTypes") or []):
            for size in objects_in(family.get("sizes", family)):
                yield {"region": region.get("region"), **size}


def _offers(row: Mapping[str, Any]) -> Iterator[Row]:
    name, region = row["size"], row["region"]
    spec = instance_type("aws", name)
    if spec is None:
        yield OutOfScope(NO_ACCELERATOR)
        return
    prices = {column["name"]: column["prices"]["USD"] for column in row["valueColumns"]}
    printed = prices["linux"]
    if printed == NOT_OFFERED:
        yield OutOfScope("not sold as spot in this region")
        return
    if not spec.is_whole:
        yield Held(rule="fractional_gpu", reason=f"{spec.gpu_count} of a {spec.gpu}", row=row)
        return
    yield offer_or_held(
        row,
        price=printed,
        provider_id="aws",
        sku=name,
        gpu_name_printed=spec.gpu,
        gpu_count=int(spec.gpu_count),
        currency="USD",
        price_basis="instance",
        price_unit="hour",
        purchase_model="spot",
        market_tier="hyperscaler",
        region=OLD_NAMES.get(region, region),
        gpu_memory_bytes=spec.gpu_memory_bytes,
        form_factor=spec.form_factor,
    )


SOURCE = Source(
    source_id="aws_spot",
    title="AWS EC2 spot prices",
    kind="api",
    homepage_url="https://aws.amazon.com/ec2/spot/pricing/",
    terms_url="https://aws.amazon.com/terms/",
    credit="Prices: Amazon Web Services",
    allowed_hosts=("website.spot.ec2.aws.a2z.com",),
    requests=one_request("spot", "https://website.spot.ec2.aws.a2z.com/spot.json"),
    parse=parse,
    row_of_answer="instance type of a region",
    parser_version=1,
    expected_rows=(200, 6000),
    currency="USD",
    price_basis="instance",
    price_unit="hour",
    known_gpus=frozenset({"H100 SXM", "L4", "A10G"}),
)
