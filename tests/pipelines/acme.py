"""Acme, the made-up provider of the tests: a source, and an offer of it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from pipelines.sources.base import Offer, Source

OFFER = Offer(
    provider_id="acme",
    sku="h100",
    gpu_name_printed="H100",
    gpu_count=8,
    price_amount=Decimal("2.99"),
    currency="USD",
    price_basis="gpu",
    price_unit="hour",
    purchase_model="on_demand",
    market_tier="neocloud",
)
SOURCE = Source(
    source_id="acme",
    title="Acme",
    kind="api",
    homepage_url="https://acme.example/",
    terms_url="https://acme.example/terms",
    licence="terms",
    credit="Acme",
    may_redistribute=False,
    allowed_hosts=("acme.example",),
    requests=lambda fetching: [],
    parse=lambda payload: iter(()),
    parser_version=1,
    expected_rows=(0, 10),
)


def source(**named: Any) -> Source:
    """Return Acme's source with other fields."""
    return replace(SOURCE, **named)
