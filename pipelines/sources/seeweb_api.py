"""Seeweb's plans: euros per instance and hour; counts and sizes are printed as text.

``available_regions`` says where a plan can be ordered today; a plan without any is sold out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from pipelines.sources.base import (
    NO_ACCELERATOR,
    OutOfScope,
    Payload,
    ReadRow,
    Row,
    Source,
    four_times,
    one_request,
)
from pipelines.sources.fields import (
    decimal_or_none,
    each_row,
    mebibytes_to_bytes,
    objects_at,
    offer_or_held,
    yes_or_no,
)

KEY = "SEEWEB_API_TOKEN"


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield one offer for each plan with GPUs and region, and one for a plan that is sold out."""
    return each_row(payload, objects_at(payload, "plans"), _offers)


def _offers(row: Mapping[str, Any]) -> Iterator[Row]:
    if row["gpu"] in ("0", 0) and not isinstance(row["gpu"], bool):
        yield OutOfScope(NO_ACCELERATOR)
        return
    regions = row.get("available_regions")
    is_sold_out = yes_or_no(row.get("available")) is False or regions == []
    places = [region["location"] for region in regions or ()]
    for place in places or [None]:
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
            region=place,
            vcpu_count=decimal_or_none(row.get("cpu")),
            memory_bytes=mebibytes_to_bytes(row.get("ram")),
            is_available=False if is_sold_out else None,
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
    row_of_answer="element of plans",
    parser_version=2,
    verified_with="excerpt",
    verified_on=date(2026, 8, 22),
    expected_rows=(10, 300),
    max_bytes=four_times(399),
    currency="EUR",
    price_basis="instance",
    price_unit="hour",
    known_gpus=frozenset({"L40s 48GB", "A100 80GB"}),
    key_environment=KEY,
)
