"""TensorDock: GPUs, vCPUs and memory priced apart; the price is the sum for a stated shape.

The GPU's rate alone is not an offer. The shape (4 vCPUs and 16 GB with one GPU) is our choice. It
is recorded in the row, and can be rented wherever the location's own limits allow it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
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
from pipelines.sources.fields import (
    each_row,
    gigabytes_to_bytes,
    objects_at,
    offer_or_held,
    prices_or_held,
    sku_of,
)

KEY = "TENSORDOCK_API_KEY"
VCPUS, GIGABYTES = Decimal(4), Decimal(16)


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield one offer for each location and GPU."""
    return each_row(payload, objects_at(payload, "data", "locations"), _offers)


def _offers(location: Mapping[str, Any]) -> Iterator[Row]:
    place = ", ".join(location[part] for part in ("city", "stateprovince", "country"))
    if not location["gpus"]:
        yield OutOfScope(NO_ACCELERATOR)
    for gpu in location["gpus"]:
        rates = gpu["pricing"]
        printed = (gpu["price_per_hr"], rates["per_vcpu_hr"], rates["per_gb_ram_hr"])
        row = {"location": place, **gpu}
        parts = prices_or_held(printed, row)
        if isinstance(parts, Held):
            yield parts
            continue
        card, vcpu, gigabyte = parts
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
    row_of_answer="element of data.locations",
    parser_version=1,
    expected_rows=(5, 1000),
    currency="USD",
    price_basis="instance",
    price_unit="hour",
    known_gpus=frozenset({"h100-sxm5-80gb", "geforcertx4090-pcie-24gb"}),
    key_environment=KEY,
)
