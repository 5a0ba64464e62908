"""TensorDock: GPUs, vCPUs and memory priced apart; the price is the sum for a stated shape.

The GPU's rate alone is no offer. The shape (4 vCPUs and 16 GB with one GPU) is our choice, stands
in the row, and can be rented wherever the location's own limits allow it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from pipelines.sources.base import (
    Held,
    Payload,
    Row,
    Source,
    each_row,
    gigabytes_to_bytes,
    objects_at,
    offer_or_held,
    one_request,
    price_or_held,
    sku_of,
)

KEY = "TENSORDOCK_API_KEY"
VCPUS, GIGABYTES = Decimal(4), Decimal(16)


def parse(payload: Payload) -> Iterator[Row]:
    """Yield one offer for each location and GPU."""
    return each_row(payload, objects_at(payload, "data", "locations"), _offers)


def _offers(location: Mapping[str, Any]) -> Iterator[Row]:
    place = ", ".join(location[part] for part in ("city", "stateprovince", "country"))
    for gpu in location["gpus"]:
        rates = gpu["pricing"]
        printed = (gpu["price_per_hr"], rates["per_vcpu_hr"], rates["per_gb_ram_hr"])
        row = {"location": place, **gpu}
        parts = [price_or_held(part, row) for part in printed]
        held = next((part for part in parts if isinstance(part, Held)), None)
        if held:
            yield held
            continue
        card, vcpu, gigabyte = (part for part in parts if isinstance(part, Decimal))
        yield offer_or_held(
            row,
            price=card + VCPUS * vcpu + GIGABYTES * gigabyte,
            provider_id="tensordock",
            sku=sku_of(location["id"], gpu["v0Name"]),
            gpu_name_printed=gpu["v0Name"],
            gpu_count=1,
            currency="USD",
            price_basis="instance",
            price_unit="hour",
            purchase_model="on_demand",
            market_tier="marketplace_secure",
            region=place,
            vcpu_count=VCPUS,
            memory_bytes=gigabytes_to_bytes(GIGABYTES),
            is_available=gpu["max_count"] > 0,
        )


SOURCE = Source(
    source_id="tensordock",
    title="TensorDock locations",
    kind="marketplace",
    homepage_url="https://www.tensordock.com",
    terms_url="https://www.tensordock.com",
    credit="Prices: TensorDock",
    allowed_hosts=("dashboard.tensordock.com",),
    requests=one_request(
        "locations", "https://dashboard.tensordock.com/api/v2/locations", variable=KEY
    ),
    parse=parse,
    parser_version=1,
    expected_rows=(5, 1000),
    currency="USD",
    price_basis="instance",
    price_unit="hour",
    known_gpus=frozenset({"h100-sxm5-80gb", "geforcertx4090-pcie-24gb"}),
    key_environment=KEY,
)
