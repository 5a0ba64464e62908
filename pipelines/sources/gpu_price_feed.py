"""toolshedlabs-hash/gpu-price-feed: a daily snapshot of eight clouds, whole machines.

``price_total_hr`` is what the machine costs in ``currency`` (Scaleway stays in euros); shares of a
GPU have no price per GPU. Its Vast.ai rows are single hosts' offers without the machine's id: they
cannot be distinguished from the same offers read at Vast.ai itself, so they are held.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from pipelines.sources.base import (
    FIRST_DAY,
    GitHistory,
    Held,
    MarketTier,
    Offer,
    ParseError,
    Payload,
    PurchaseModel,
    ReadRow,
    Source,
    one_request,
)
from pipelines.sources.fields import (
    decimal_or_none,
    feed_offers,
    gibibytes_to_bytes,
    gigabytes_to_bytes,
    objects_at,
    offer_or_held,
    value_at,
    yes_or_no,
)
from pipelines.sources.providers import market_tier, provider_id

URL = "https://raw.githubusercontent.com/toolshedlabs-hash/gpu-price-feed/main/data/prices.json"
PRICING_TYPES: dict[str, tuple[PurchaseModel, int | None]] = {
    "on-demand": ("on_demand", None),
    "spot": ("spot", None),
    "reserved-12mo": ("reserved", 12),
}
INSTANCE_TYPE = re.compile(r"\binstance type (?P<name>[\w.-]{1,80})")
TIERS: dict[str, MarketTier] = {
    "community cloud": "marketplace_community",
    "secure cloud": "marketplace_secure",
}
PARTS_TOLERANCE = Decimal("0.01")  # [1] of the total; the feed rounds to 1/100 of a cent


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield one offer for each machine that the feed lists."""
    printed = value_at(payload, "collected_at")
    try:
        collected_at = datetime.fromisoformat(printed)
    except (TypeError, ValueError) as error:
        raise ParseError(f"{payload.where()}: collected_at is {printed!r}") from error
    rows = objects_at(payload, "offers")
    yield from feed_offers(payload, rows, lambda row: _offer(row, collected_at))


def _sku(row: Mapping[str, Any]) -> str:
    match = INSTANCE_TYPE.search(str(row.get("notes")))
    if match:
        return match["name"]
    parts = [f"{row.get('gpu_model_raw')} x{row.get('gpu_count')}"]
    for field, unit in (("vcpu", "vcpu"), ("ram_gb", "gb")):
        amount = decimal_or_none(row.get(field))
        parts += [f"{amount}{unit}"] if amount else []
    return " ".join(parts)


def _tier(row: Mapping[str, Any]) -> MarketTier:
    notes = str(row.get("notes")).lower()
    stated = next((tier for words, tier in TIERS.items() if notes.startswith(words)), None)
    return stated or market_tier(provider_id(str(row.get("provider"))))


def _offer(row: Mapping[str, Any], collected_at: datetime) -> Offer | Held:
    provider, gpu = provider_id(row["provider"]), row["gpu_model_raw"]
    if row["pricing_type"] not in PRICING_TYPES:
        reason = f"pricing_type is {row['pricing_type']!r}"
        return Held(rule="kind_unknown", reason=reason, row=row)
    if provider == "vast":
        reason = f"an offer of {gpu} without its machine's id"
        return Held(rule="offer_without_id", reason=reason, row=row)
    if row["gpu_partition"] is not None or row["price_per_gpu_hr"] is None:
        return Held(rule="fractional_gpu", reason=f"a share of {gpu}", row=row)
    total, each = decimal_or_none(row["price_total_hr"]), decimal_or_none(row["price_per_gpu_hr"])
    count = decimal_or_none(row["gpu_count"])
    if total and each and count and abs(each * count - total) > PARTS_TOLERANCE * total:
        reason = f"{count} GPUs at {each} are not {total}"
        return Held(rule="price_parts_disagree", reason=reason, row=row)
    model, months = PRICING_TYPES[row["pricing_type"]]
    memory = row.get("vram_mb")
    return offer_or_held(
        row,
        price=row["price_total_hr"],
        provider_id=provider,
        sku=_sku(row),
        gpu_name_printed=gpu,
        gpu_count=row["gpu_count"],
        currency=row["currency"].upper(),
        price_basis="instance",
        price_unit="hour",
        purchase_model=model,
        market_tier=_tier(row),
        region=row.get("region"),
        commitment_months=months,
        gpu_memory_bytes=memory * 2**20
        if isinstance(memory, int) and not isinstance(memory, bool)
        else gigabytes_to_bytes(row.get("vram_gb")),
        vcpu_count=decimal_or_none(row.get("vcpu")),
        memory_bytes=gibibytes_to_bytes(row.get("ram_gb")),
        form_factor=row.get("gpu_form"),
        is_available=yes_or_no(row.get("available")),
        source_time=collected_at,
        offer_url=row.get("listing_url"),
    )


SOURCE = Source(
    source_id="gpu_price_feed",
    title="gpu-price-feed, a daily snapshot of eight clouds",
    kind="feed",
    homepage_url="https://github.com/toolshedlabs-hash/gpu-price-feed",
    terms_url="https://github.com/toolshedlabs-hash/gpu-price-feed",
    licence="none stated",
    credit="GPU prices: toolshedlabs-hash/gpu-price-feed",
    may_redistribute=False,
    allowed_hosts=("raw.githubusercontent.com",),
    requests=one_request("prices", URL),
    parse=parse,
    row_of_answer="element of offers",
    parser_version=3,
    expected_rows=(100, 1500),
    past=GitHistory(first_day=FIRST_DAY),
    price_basis="instance",
    price_unit="hour",
    known_gpus=frozenset({"NVIDIA A100 80GB PCIe"}),
    disabled_reason="the repository states no licence, and its clouds are read first-hand",
)
