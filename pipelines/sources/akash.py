"""Akash: the network's own summary of bids, US dollars per GPU and hour, by model.

The median is taken. Averages and extremes carry real outliers (a GTX 1070 Ti at 5.47), and the
minimum is one provider's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from pipelines.sources.base import (
    Held,
    Payload,
    ReadRow,
    Row,
    Source,
    four_times,
    one_request,
)
from pipelines.sources.fields import (
    any_free,
    each_row,
    gibibytes_to_bytes,
    objects_at,
    offer_or_held,
    part_of,
    sku_of,
)


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield one offer for each model, memory and socket."""
    return each_row(payload, objects_at(payload, "models"), _offers)


def _offers(row: Mapping[str, Any]) -> Iterator[Row]:
    model, memory, socket = row["model"], row["ram"], row["interface"]
    price = row["price"]
    if price is None:
        yield Held(rule="price_missing", reason="nobody bids", row=row)
        return
    yield offer_or_held(
        row,
        price=price["med"],
        provider_id="akash",
        sku=sku_of(model, memory, socket),
        gpu_name_printed=model,
        gpu_count=1,
        currency=price["currency"],
        price_basis="gpu",
        price_unit="hour",
        purchase_model="on_demand",
        market_tier="marketplace_community",
        gpu_memory_bytes=gibibytes_to_bytes(memory.removesuffix("Gi")),
        form_factor=socket or None,
        is_available=any_free(part_of(row, "availability", "available")),
    )


SOURCE = Source(
    source_id="akash",
    title="Akash GPU prices",
    kind="marketplace",
    homepage_url="https://akash.network/pricing/gpus/",
    terms_url="https://akash.network",
    credit="Prices: Akash Network",
    allowed_hosts=("console-api.akash.network",),
    requests=one_request("gpu_prices", "https://console-api.akash.network/v1/gpu-prices"),
    parse=parse,
    row_of_answer="element of models",
    parser_version=1,
    verified_with="excerpt",
    verified_on=date(2026, 7, 29),
    expected_rows=(5, 100),
    max_bytes=four_times(345),
    price_basis="gpu",
    price_unit="hour",
    known_gpus=frozenset({"rtx4090", "rtx3090"}),
)
