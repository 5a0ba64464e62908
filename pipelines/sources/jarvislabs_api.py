"""JarvisLabs' server list: pools of GPUs by region and workload, per GPU and hour.

The account's country decides the currency (rupees or dollars): it is taken from the row or the
answer, and a price without one is held.
Spot is sold for containers only. The key of the price on demand names the hour, that of the spot
price does not: one that cannot be of the same unit is held.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import partial
from typing import Any

from pipelines.sources.base import (
    Held,
    Payload,
    PurchaseModel,
    ReadRow,
    Row,
    Source,
    one_request,
)
from pipelines.sources.fields import (
    decimal_or_none,
    each_row,
    gigabytes_to_bytes,
    objects_at,
    offer_or_held,
    sku_of,
    value_at,
)

KEY = "JL_API_KEY"
SPOT_OF_ON_DEMAND = (Decimal("0.02"), Decimal(2))  # what a spot price may be of the one on demand


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield the offers of each pool."""
    currency = value_at(payload, "currency")
    return each_row(payload, objects_at(payload, "server_meta"), partial(_offers, currency))


def _offers(of_answer: object, row: Mapping[str, Any]) -> Iterator[Row]:
    currency = row.get("currency") or of_answer
    if not isinstance(currency, str):
        reason = "neither the row nor the answer names a currency: rupees or dollars?"
        yield Held(rule="currency_unknown", reason=reason, row=row)
        return
    workload = row["workload_type"]
    prices: list[tuple[object, PurchaseModel]] = [(row["price_per_hour"], "on_demand")]
    if workload == "container" and row.get("spot_price") is not None:
        prices.append((row["spot_price"], "spot"))
        on_demand, spot = map(decimal_or_none, (row["price_per_hour"], row["spot_price"]))
        least, most = SPOT_OF_ON_DEMAND
        if on_demand and spot and not least * on_demand <= spot <= most * on_demand:
            prices.pop()
            reason = f"spot_price is {spot}, price_per_hour {on_demand}: another unit of time?"
            yield Held(rule="unit_unknown", reason=reason, row=row)
    free = decimal_or_none(row.get("num_free_devices"))
    for price, purchase_model in prices:
        yield offer_or_held(
            row,
            price=price,
            provider_id="jarvislabs",
            sku=sku_of(row["gpu_type"], workload or "any"),
            gpu_name_printed=row["gpu_type"],
            gpu_count=1,
            currency=currency.upper(),
            price_basis="gpu",
            price_unit="hour",
            purchase_model=purchase_model,
            market_tier="neocloud",
            region=row["region"],
            gpu_memory_bytes=gigabytes_to_bytes(row.get("vram")),
            vcpu_count=decimal_or_none(row.get("cpus_per_gpu")),
            memory_bytes=gigabytes_to_bytes(row.get("ram_per_gpu")),
            is_available=None if free is None else free > 0,
        )


SOURCE = Source(
    source_id="jarvislabs_api",
    title="JarvisLabs server list",
    kind="api",
    homepage_url="https://jarvislabs.ai/pricing",
    terms_url="https://jarvislabs.ai",
    credit="Prices: JarvisLabs",
    allowed_hosts=("backendn.jarvislabs.net",),
    requests=one_request(
        "server_meta", "https://backendn.jarvislabs.net/misc/server_meta", variable=KEY
    ),
    parse=parse,
    row_of_answer="element of server_meta",
    parser_version=3,
    expected_rows=(3, 100),
    price_basis="gpu",
    price_unit="hour",
    known_gpus=frozenset({"H100", "L4"}),
    key_environment=KEY,
)
