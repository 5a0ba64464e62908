"""Hyperstack's price book: US dollars per GPU and hour; vCPUs, memory and local disk included.

``value`` is the account's own rate and ``original_value`` the list price: the list price is taken.
A name that ends in ``-spot`` is the spot price of the GPU. CPU, disk and network lines are no GPUs.
No field names the unit of time: the provider's reference of the API does, and a list that moves as
a whole is held by ``warehouse/sql/quality/held_batch.sql``. A row that does name a unit is held
unless it is the hour.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pipelines.sources.base import (
    NO_ACCELERATOR,
    Held,
    OutOfScope,
    Payload,
    ReadRow,
    Row,
    Source,
    one_request,
)
from pipelines.sources.fields import each_row, objects_at, offer_or_held, yes_or_no
from pipelines.sources.price_page import unit_doubt

KEY = "HYPERSTACK_API_KEY"
UNIT_KEYS = ("unit", "price_unit", "billing_unit", "period", "billing_period")
GPU_NAME = re.compile(r"(?:RTX|GB|MI|[ABHLV])-?\w{0,20}\d")  # H100-80G-PCIe, RTX-A6000, L40


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield one offer for each GPU of the price book."""
    return each_row(payload, objects_at(payload), _offers)


def _offers(row: Mapping[str, Any]) -> Iterator[Row]:
    name = row["name"]
    if not GPU_NAME.match(name):
        yield OutOfScope(NO_ACCELERATOR)
        return
    unit = next((row[key] for key in UNIT_KEYS if row.get(key) is not None), None)
    if unit is not None and unit_doubt(f"per {unit}", "hour"):
        reason = f"the price is per {unit}, not per hour"
        yield Held(rule="unit_unknown", reason=reason, row=row)
        return
    yield offer_or_held(
        row,
        price=row["original_value"] if yes_or_no(row["discount_applied"]) else row["value"],
        provider_id="hyperstack",
        sku=name,
        gpu_name_printed=name.removesuffix("-spot"),
        gpu_count=1,
        currency="USD",
        price_basis="gpu",
        price_unit="hour",
        purchase_model="spot" if name.endswith("-spot") else "on_demand",
        market_tier="neocloud",
    )


SOURCE = Source(
    source_id="hyperstack_api",
    title="Hyperstack price book",
    kind="api",
    homepage_url="https://www.hyperstack.cloud/gpu-pricing",
    terms_url="https://www.hyperstack.cloud/terms-and-conditions",
    credit="Prices: Hyperstack",
    allowed_hosts=("infrahub-api.nexgencloud.com",),
    requests=one_request(
        "pricebook",
        "https://infrahub-api.nexgencloud.com/v1/pricebook",
        variable=KEY,
        header="api_key",
        prefix="",
    ),
    parse=parse,
    row_of_answer="element of the answer",
    parser_version=2,
    expected_rows=(5, 60),
    currency="USD",
    price_basis="gpu",
    price_unit="hour",
    known_gpus=frozenset({"H100-80G-PCIe", "A100-80G-PCIe"}),
    key_environment=KEY,
)
