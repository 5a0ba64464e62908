"""The daily feed of adriannutiu/gpu-rental-prices: some 34 clouds, one price a GPU and kind.

The feed reads price pages; it witnesses first-party prices and never overrides them. Its GCP rows
price the accelerator without its machine, and its ``serverless`` rows bill only while a request
runs: neither is the rent of a GPU, both are held.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

from pipelines.sources.base import (
    GitHistory,
    Held,
    MarketTier,
    Payload,
    PurchaseModel,
    ReadRow,
    Row,
    Source,
    four_times,
    one_request,
)
from pipelines.sources.fields import each_row, gigabytes_to_bytes, objects_at, offer_or_held, sku_of
from pipelines.sources.providers import INTERRUPTIBLE, market_tier, provider_id

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


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield one offer for each provider, GPU, memory, kind and smallest node."""
    rows = objects_at(payload, "offers")
    seen: Counter[tuple[str, ...]] = Counter()
    # Until 2026-07-17 RunPod's server and workstation cards had one name: such rows are
    # numbered in the order of the file.
    yield from each_row(payload, rows, lambda row: iter([_offer(row, seen)]))


def _offer(row: Mapping[str, Any], seen: Counter[tuple[str, ...]]) -> Row:
    gpu, kind = row["gpu"], row["kind"]
    provider = provider_id(row["provider"])
    if kind not in KINDS:
        rule = "serverless" if kind == "serverless" else "kind_unknown"
        return Held(
            rule=rule, reason=f"kind {kind!r} is not the rent of a GPU by the hour", row=row
        )
    if row.get("source_url") == GCP_GPU_ONLY_PAGE and gpu not in GCP_GPUS_PRICED_WITH_THEIR_MACHINE:
        reason = f"GCP's page prices {gpu} without the machine it needs"
        return Held(rule="gpu_without_host", reason=reason, row=row)
    purchase_model, tier = KINDS[kind]
    if provider in INTERRUPTIBLE:
        purchase_model = "spot"
    sku = f"{gpu}-{sku_of(row['vram_gb'])}gb" + (
        f"-x{row['min_gpus']}" if "min_gpus" in row else ""
    )
    key = (provider, sku, kind)
    seen[key] += 1
    return offer_or_held(
        row,
        price=row["usd_hr"],
        provider_id=provider,
        sku=sku if seen[key] == 1 else f"{sku}-{seen[key]}",
        gpu_name_printed=gpu,
        gpu_count=row.get("min_gpus", 1),
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
    requests=one_request("latest", f"{BASE_URL}/latest.json"),
    parse=parse,
    row_of_answer="element of offers",
    parser_version=2,
    verified_with="whole",
    verified_on=date(2026, 8, 10),
    expected_rows=(40, 600),
    max_bytes=four_times(70_503),
    past=GitHistory(first_day=date(2026, 7, 5)),
    currency="USD",
    price_basis="gpu",
    price_unit="hour",
    known_gpus=frozenset({"h100", "h200", "b200", "l40s", "a100-sxm-80"}),
)
