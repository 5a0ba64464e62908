"""Lambda's cloud API: one list price for each instance type, US cents per instance and hour.

A type has the same price in every region; ``regions_with_capacity_available`` says only where it
can be started now, so there is one offer without region, and availability beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from pipelines.sources.base import (
    NO_ACCELERATOR,
    OutOfScope,
    ParseError,
    Payload,
    ReadRow,
    Row,
    Source,
    one_request,
)
from pipelines.sources.fields import (
    any_free,
    decimal_or_none,
    each_row,
    gibibytes_to_bytes,
    gigabytes_to_bytes,
    objects_in,
    offer_or_held,
    value_at,
)

CENT = Decimal("0.01")
KEY = "LAMBDA_API_KEY"
CARD = re.compile(r"\((?P<gigabytes>\d{1,5}) GB(?: (?P<form>\w{1,20}))?\)")  # 8x H100 (80 GB SXM5)


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield one offer for each instance type that has GPUs."""
    types = value_at(payload, "data")
    if not isinstance(types, dict):
        raise ParseError(f"{payload.where()}: 'data' is not a mapping of instance types")
    return each_row(payload, objects_in(list(types.values())), _offers)


def _offers(row: Mapping[str, Any]) -> Iterator[Row]:
    instance = row["instance_type"]
    specs = instance["specs"]
    if specs["gpus"] == 0:
        yield OutOfScope(NO_ACCELERATOR)
        return
    # What its card is, in two fields; neither is in every answer.
    printed = f"{instance.get('gpu_description')} {instance.get('description')}"
    card = CARD.search(printed)
    yield offer_or_held(
        row,
        price=instance["price_cents_per_hour"],
        factor=CENT,
        provider_id="lambda",
        sku=instance["name"],
        # Two and four GPUs are cut from the hosts of one; eight may be another card (A100).
        gpu_name_printed=re.sub(r"^gpu_[24]x_", "gpu_1x_", instance["name"]),
        gpu_count=specs["gpus"],
        currency="USD",
        price_basis="instance",
        price_unit="hour",
        purchase_model="on_demand",
        market_tier="neocloud",
        vcpu_count=decimal_or_none(specs.get("vcpus")),
        memory_bytes=gibibytes_to_bytes(specs.get("memory_gib")),
        gpu_memory_bytes=gigabytes_to_bytes(card["gigabytes"]) if card else None,
        form_factor=card["form"] if card else None,
        is_available=any_free(row.get("regions_with_capacity_available")),
    )


SOURCE = Source(
    source_id="lambda_api",
    title="Lambda instance types",
    kind="api",
    homepage_url="https://lambda.ai/pricing",
    terms_url="https://lambda.ai/legal/terms-of-service",
    credit="Prices: Lambda",
    allowed_hosts=("cloud.lambdalabs.com", "cloud.lambda.ai"),
    requests=one_request(
        "instance_types", "https://cloud.lambdalabs.com/api/v1/instance-types", variable=KEY
    ),
    parse=parse,
    row_of_answer="instance type under data",
    parser_version=2,
    expected_rows=(8, 80),
    currency="USD",
    price_basis="instance",
    price_unit="hour",
    known_gpus=frozenset({"gpu_8x_h100_sxm5", "gpu_1x_a10"}),
    key_environment=KEY,
)
