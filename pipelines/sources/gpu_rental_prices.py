"""The daily feed of adriannutiu/gpu-rental-prices: some 34 clouds, one price a GPU and kind.

The feed reads price pages; it witnesses first-party prices and never overrides them. Its GCP rows
price the accelerator without its machine, and its ``serverless`` rows bill only while a request
runs: neither is the rent of a GPU, both are held.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from pipelines.sources.base import (
    Fetching,
    Held,
    MarketTier,
    Offer,
    Payload,
    PurchaseModel,
    Request,
    Row,
    Source,
    decimal_or_none,
    gigabytes_to_bytes,
    price_or_held,
    required,
    rows_at,
)
from pipelines.sources.providers import market_tier, provider_id

BASE_URL = "https://raw.githubusercontent.com/adriannutiu/gpu-rental-prices/main/data"

KINDS: dict[str, tuple[PurchaseModel, MarketTier | None]] = {
    "on-demand": ("on_demand", None),
    "spot": ("spot", None),
    "secure": ("on_demand", "marketplace_secure"),
    "community": ("on_demand", "marketplace_community"),
}
# The A4 slice SKU holds the whole machine; all other GPU SKUs of Google's GPU page do not.
# https://cloud.google.com/compute/gpus-pricing (2026-08)
GCP_GPUS_PRICED_WITH_THEIR_MACHINE = {"b200"}
GCP_GPU_ONLY_PAGE = "https://cloud.google.com/compute/gpus-pricing"


def requests(fetching: Fetching) -> list[Request]:
    """Ask for the newest snapshot."""
    return [Request(key="latest", url=f"{BASE_URL}/latest.json")]


def parse(payload: Payload) -> Iterator[Row]:
    """Yield one offer for each provider, GPU, memory, kind and smallest node."""
    rows = rows_at(payload.json(), "offers", where=payload.where())
    seen: Counter[tuple[object, ...]] = Counter()
    # Until 2026-07-17 some GPUs stood twice under one name: the cheaper one comes first, so that
    # the numbering below does not depend on the order of the file.
    for row in sorted(rows, key=lambda row: decimal_or_none(row.get("usd_hr")) or 0):
        yield _offer(row, seen, payload.where())


def _offer(row: Mapping[str, Any], seen: Counter[tuple[object, ...]], where: str) -> Row:
    gpu = str(required(row, "gpu", where))
    provider = provider_id(str(required(row, "provider", where)))
    kind = required(row, "kind", where)
    price = price_or_held(required(row, "usd_hr", where), row)
    if isinstance(price, Held):
        return price
    if kind not in KINDS:
        rule = "serverless" if kind == "serverless" else "kind_unknown"
        return Held(
            rule=rule, reason=f"kind {kind!r} is not the rent of a GPU by the hour", row=row
        )
    if row.get("source_url") == GCP_GPU_ONLY_PAGE and gpu not in GCP_GPUS_PRICED_WITH_THEIR_MACHINE:
        reason = f"GCP's page prices {gpu} at {price} without the machine it needs"
        return Held(rule="gpu_without_host", reason=reason, row=row)
    purchase_model, tier = KINDS[kind]
    gpu_count = row.get("min_gpus", 1)
    if isinstance(gpu_count, bool) or not isinstance(gpu_count, int) or gpu_count < 1:
        return Held(rule="gpu_count_invalid", reason=f"min_gpus is {gpu_count!r}", row=row)
    sku = f"{gpu}-{row.get('vram_gb')}gb" + (f"-x{gpu_count}" if "min_gpus" in row else "")
    key = (provider, sku, kind)
    seen[key] += 1
    return Offer(
        provider_id=provider,
        sku=sku if seen[key] == 1 else f"{sku}-{seen[key]}",
        gpu_name_printed=gpu,
        gpu_count=gpu_count,
        price_amount=Decimal(price),
        currency="USD",
        price_basis="gpu",
        price_unit="hour",
        purchase_model=purchase_model,
        market_tier=tier or market_tier(provider),
        gpu_memory_bytes=gigabytes_to_bytes(row.get("vram_gb")),
        source_time=_time(row.get("fetched_at")),
        offer_url=row.get("source_url"),
    )


def _time(text: object) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) else None


SOURCE = Source(
    source_id="gpu_rental_prices",
    title="GPU rental prices, a daily feed of some 34 clouds",
    kind="feed",
    homepage_url="https://github.com/adriannutiu/gpu-rental-prices",
    terms_url="https://github.com/adriannutiu/gpu-rental-prices/blob/main/LICENSE",
    licence="CC-BY-4.0",
    credit="GPU rental prices: adriannutiu/gpu-rental-prices (CC BY 4.0)",
    may_redistribute=True,
    allowed_hosts=("raw.githubusercontent.com",),
    requests=requests,
    parse=parse,
    parser_version=1,
    expected_rows=(40, 600),
    currency="USD",
    price_basis="gpu",
    price_unit="hour",
    known_gpus=frozenset({"h100", "h200", "b200", "l40s", "a100-sxm-80"}),
)
