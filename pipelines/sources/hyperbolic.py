"""Hyperbolic: rental options of an alpha API, whole instances in US cents.

``providerCostPerHourCents`` beside the price is what Hyperbolic pays its supplier: not a price.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from pipelines.sources.base import (
    Payload,
    ReadRow,
    Row,
    Source,
    four_times,
    one_request,
)
from pipelines.sources.fields import each_row, objects_at, offer_or_held, sku_of, yes_or_no

CENT = Decimal("0.01")


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield one offer for each rental option."""
    return each_row(payload, objects_at(payload), _offers)


def _offers(row: Mapping[str, Any]) -> Iterator[Row]:
    left = row.get("totalAvailable")
    name = sku_of(row["gpuType"], row["gpuFormFactor"]).replace("/", "-")
    yield offer_or_held(
        row,
        price=row["costPerHourCents"],
        factor=CENT,
        provider_id="hyperbolic",
        sku=sku_of(row["gpuCount"], name, row["connectionType"], row["machineType"]),
        gpu_name_printed=name,
        gpu_count=row["gpuCount"],
        currency="USD",
        price_basis="instance",
        price_unit="hour",
        purchase_model="on_demand",
        market_tier="marketplace_secure",
        region=row["region"],
        form_factor=row["gpuFormFactor"],
        is_available=bool(yes_or_no(row["enabled"]) and left) if left is not None else None,
    )


SOURCE = Source(
    source_id="hyperbolic",
    title="Hyperbolic rental options",
    kind="api",
    homepage_url="https://www.hyperbolic.ai",
    terms_url="https://www.hyperbolic.ai",
    credit="Prices: Hyperbolic",
    allowed_hosts=("api.hyperbolic.ai",),
    requests=one_request(
        "rental_options", "https://api.hyperbolic.ai/v2/alpha/on-demand/rental-options"
    ),
    parse=parse,
    row_of_answer="element of the answer",
    parser_version=1,
    verified_with="excerpt",
    verified_on=date(2026, 8, 22),
    expected_rows=(1, 300),
    max_bytes=four_times(1_625),
    currency="USD",
    price_basis="instance",
    price_unit="hour",
    known_gpus=frozenset({"H100-SXM"}),
    disabled_reason="an alpha API whose terms do not say whether it may be read automatically",
)
