"""Seeweb's plans: euros per instance and hour; counts and sizes are printed as text.

``available_regions`` says where a plan is sold, not where it is free.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipelines.sources.base import (
    MEBIBYTE,
    Payload,
    Row,
    Source,
    decimal_or_none,
    each_row,
    objects_at,
    offer_or_held,
    one_request,
)

KEY = "SEEWEB_API_TOKEN"


def parse(payload: Payload) -> Iterator[Row]:
    """Yield one offer for each active plan with GPUs and region."""
    rows = [row for row in objects_at(payload, "plans") if row.get("gpu") not in ("0", 0)]
    return each_row(payload, [row for row in rows if row.get("available") is not False], _offers)


def _offers(row: Mapping[str, Any]) -> Iterator[Row]:
    for region in row["available_regions"]:
        yield offer_or_held(
            row,
            price=row["hourly_price"],
            provider_id="seeweb",
            sku=row["name"],
            gpu_name_printed=row["gpu_label"],
            gpu_count=row["gpu"],
            currency="EUR",  # not printed; the price list is in euros
            price_basis="instance",
            price_unit="hour",
            purchase_model="on_demand",
            market_tier="neocloud",
            region=region["location"],
            vcpu_count=decimal_or_none(row["cpu"]),
            memory_bytes=int(row["ram"]) * MEBIBYTE,
        )


SOURCE = Source(
    source_id="seeweb_api",
    title="Seeweb cloud server GPU plans",
    kind="api",
    homepage_url="https://www.seeweb.it/en/products/cloud-server-gpu",
    terms_url="https://www.seeweb.it",
    credit="Prices: Seeweb",
    allowed_hosts=("api.seeweb.it",),
    requests=one_request(
        "plans", "https://api.seeweb.it/ecs/v2/plans", variable=KEY, header="X-APITOKEN", prefix=""
    ),
    parse=parse,
    parser_version=1,
    expected_rows=(10, 300),
    currency="EUR",
    price_basis="instance",
    price_unit="hour",
    known_gpus=frozenset({"L40s 48GB", "A100 80GB"}),
    key_environment=KEY,
)
