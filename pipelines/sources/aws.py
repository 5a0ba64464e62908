"""AWS on-demand prices by region, from the price files behind the EC2 on-demand page.

The files name no GPU: ``instance_types`` says what a type holds. They hold list prices of every
type of a region; spot and capacity blocks are priced elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any
from urllib.parse import quote

from pipelines.sources.base import (
    NO_ACCELERATOR,
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
from pipelines.sources.fields import (
    decimal_or_none,
    each_row,
    gibibytes_to_bytes,
    objects_in,
    offer_or_held,
)
from pipelines.sources.instance_types import instance_type

BASE_URL = (
    "https://b0.p.awsstatic.com/pricing/2.0/meteredUnitMaps/ec2/USD/current/ec2-ondemand-without-"
    "sec-sel"
)
# Region id and the location under which the price files are published.
# https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html (2026-11-21)
LOCATIONS = {
    "us-east-1": "US East (N. Virginia)",
    "us-east-2": "US East (Ohio)",
    "us-west-1": "US West (N. California)",
    "us-west-2": "US West (Oregon)",
    "af-south-1": "Africa (Cape Town)",
    "ap-east-1": "Asia Pacific (Hong Kong)",
    "ap-northeast-1": "Asia Pacific (Tokyo)",
    "ap-northeast-2": "Asia Pacific (Seoul)",
    "ap-northeast-3": "Asia Pacific (Osaka)",
    "ap-south-1": "Asia Pacific (Mumbai)",
    "ap-south-2": "Asia Pacific (Hyderabad)",
    "ap-southeast-1": "Asia Pacific (Singapore)",
    "ap-southeast-2": "Asia Pacific (Sydney)",
    "ap-southeast-3": "Asia Pacific (Jakarta)",
    "ap-southeast-4": "Asia Pacific (Melbourne)",
    "ap-southeast-5": "Asia Pacific (Malaysia)",
    "ap-southeast-7": "Asia Pacific (Thailand)",
    "ca-central-1": "Canada (Central)",
    "ca-west-1": "Canada West (Calgary)",
    "eu-central-1": "EU (Frankfurt)",
    "eu-central-2": "Europe (Zurich)",
    "eu-north-1": "EU (Stockholm)",
    "eu-south-1": "EU (Milan)",
    "eu-south-2": "Europe (Spain)",
    "eu-west-1": "EU (Ireland)",
    "eu-west-2": "EU (London)",
    "eu-west-3": "EU (Paris)",
    "il-central-1": "Israel (Tel Aviv)",
    "me-central-1": "Middle East (UAE)",
    "me-south-1": "Middle East (Bahrain)",
    "mx-central-1": "Mexico (Central)",
    "sa-east-1": "South America (Sao Paulo)",
}
ACCELERATED = {"GPU instance", "Machine Learning ASIC Instances", "Accelerated Computing"}
NO_SOFTWARE = {"", "NA"}


def requests(fetching: Fetching) -> list[Request]:
    """Ask for each region's Linux prices; a region without a file answers 404."""
    return [
        Request(
            key=region,
            url=f"{BASE_URL}/{quote(location, safe='()')}/Linux/index.json",
            is_optional=True,
        )
        for region, location in LOCATIONS.items()
    ]


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield one offer for each accelerated instance type of the region."""
    location = LOCATIONS.get(payload.key, payload.key)
    document = payload.json()
    regions = document.get("regions") if isinstance(document, dict) else None
    prices = regions.get(location) if isinstance(regions, dict) else None
    if not isinstance(prices, dict) or not prices:
        raise ParseError(f"{payload.where()}: no prices for {location!r}; did the file move?")
    rows = objects_in(list(prices.values()))
    yield from each_row(payload, rows, lambda row: _offers(row, payload.key))


def _offers(row: Mapping[str, Any], region: str) -> Iterator[Row]:
    name = row["Instance Type"]
    held = instance_type("aws", name)
    if held is None:
        if row.get("Instance Family") in ACCELERATED:
            reason = f"{name} is accelerated, but how many of what is not in the table"
            yield Held(rule="instance_type_unknown", reason=reason, row=row)
        else:
            yield OutOfScope(NO_ACCELERATOR)
        return
    if row.get("Operating System", "Linux") != "Linux" or (
        row.get("Pre Installed S/W", "NA") not in NO_SOFTWARE
    ):
        reason = f"{row.get('Operating System')} with {row.get('Pre Installed S/W')!r} installed"
        yield Held(rule="licensed_software", reason=reason, row=row)
        return
    if not held.is_whole:
        reason = f"{name} holds {held.gpu_count} of a GPU"
        yield Held(rule="fractional_gpu", reason=reason, row=row)
        return
    memory, _, unit = str(row.get("Memory", "")).replace(",", "").partition(" ")
    yield offer_or_held(
        row,
        price=row["price"],
        provider_id="aws",
        sku=name,
        gpu_name_printed=held.gpu,
        gpu_count=int(held.gpu_count),
        currency="USD",
        price_basis="instance",
        price_unit="hour",
        purchase_model="on_demand",
        market_tier="hyperscaler",
        region=region,
        gpu_memory_bytes=held.gpu_memory_bytes,
        vcpu_count=decimal_or_none(row.get("vCPU")),
        memory_bytes=gibibytes_to_bytes(memory) if unit == "GiB" else None,
        form_factor=held.form_factor,
        offer_url="https://aws.amazon.com/ec2/pricing/on-demand/",
    )


SOURCE = Source(
    source_id="aws",
    title="AWS EC2 on-demand prices by region",
    kind="api",
    homepage_url="https://aws.amazon.com/ec2/pricing/on-demand/",
    terms_url="https://aws.amazon.com/terms/",
    licence="terms",
    credit="Prices: Amazon Web Services",
    may_redistribute=False,
    allowed_hosts=("b0.p.awsstatic.com",),
    requests=requests,
    parse=parse,
    row_of_answer="instance type of the region",
    parser_version=1,
    verified_with="excerpt",
    verified_on=date(2026, 10, 1),
    expected_rows=(5, 2500),
    currency="USD",
    price_basis="instance",
    price_unit="hour",
    known_gpus=frozenset({"H100 SXM", "L40S", "A100-SXM4-40GB"}),
    requests_per_second=8.0,
)
