"""ewyluda/gpu-price-index: a daily CSV of twelve clouds, whole machines with price per GPU.

Rows of several offers are statistics of a marketplace, not offers. RunPod's rows carry its 0.50 of
models that its community does not offer, and slices under the name of the whole GPU.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal

from pipelines.sources.base import (
    FIRST_DAY,
    GitHistory,
    Held,
    MarketTier,
    Offer,
    Payload,
    PurchaseModel,
    ReadRow,
    Source,
    one_request,
)
from pipelines.sources.documents import csv_records
from pipelines.sources.fields import decimal_or_none, feed_offers, offer_or_held
from pipelines.sources.instance_types import instance_type
from pipelines.sources.providers import market_tier, provider_id

URL = (
    "https://raw.githubusercontent.com/ewyluda/gpu-price-index/main/site/data/"
    "observations-latest.csv"
)
NEEDED = {
    "collected_at",
    "source",
    "provider",
    "pricing",
    "gpu_model",
    "sku",
    "region",
    "gpu_count",
    "usd_per_hour",
    "usd_per_gpu_hour",
    "sample_size",
}
PRICINGS: dict[str, PurchaseModel] = {"on_demand": "on_demand", "spot": "spot"}
EVERYWHERE = {"global", ""}
TABLED_CLOUDS = {"aws", "azure", "gcp"}
RUNPOD_PLACEHOLDER = Decimal("0.5")
PARTS_TOLERANCE = Decimal("0.001")  # [1]; the file rounds to 1/100 of a cent
FORM_FACTOR = re.compile(r"(?i)(?<![a-z])(sxm|pcie|nvl)(?!ink)")
FORM_FACTORS = {"sxm": "SXM", "pcie": "PCIe", "nvl": "NVL"}


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield one offer for each cloud, machine, region and way to buy."""
    yield from feed_offers(payload, csv_records(payload, NEEDED), _offer)


def _offer(row: Mapping[str, str]) -> Offer | Held:
    provider, sku = provider_id(row["source"]), row["sku"].strip()
    total, each = decimal_or_none(row["usd_per_hour"]), decimal_or_none(row["usd_per_gpu_hour"])
    count = decimal_or_none(row["gpu_count"])
    known = instance_type(provider, sku) if provider in TABLED_CLOUDS else None
    rule = None
    if row["pricing"] not in PRICINGS:
        rule, reason = "kind_unknown", f"pricing is {row['pricing']!r}"
    elif row["sample_size"] != "1":
        rule, reason = "statistic", f"{sku} of {row['sample_size']} offers is no offer"
    elif re.search(r"\bMIG\b", sku):
        rule, reason = "mig_slice", f"{sku} is a slice of {row['gpu_model']}"
    elif provider == "runpod" and each == RUNPOD_PLACEHOLDER:
        rule, reason = "price_placeholder", f"{sku}: RunPod's 0.50 stands where nothing is offered"
    elif total and each and count and abs(each * count - total) > PARTS_TOLERANCE * total:
        rule, reason = "price_parts_disagree", f"{count} GPUs at {each} are not {total}"
    elif known and known.gpu_count != count:
        rule, reason = "gpu_count_disagrees", f"{count} GPUs; {sku} holds {known.gpu_count}"
    if rule:
        return Held(rule=rule, reason=reason, row=row)
    form = FORM_FACTOR.search(f"{row['gpu_model']} {sku}")
    is_community = "community" in row["provider"].casefold()
    tier: MarketTier = "marketplace_community" if is_community else market_tier(provider)
    return offer_or_held(
        row,
        price=row["usd_per_hour"],
        provider_id=provider,
        sku=sku,
        gpu_name_printed=known.gpu if known else row["gpu_model"],
        gpu_count=row["gpu_count"],
        currency="USD",
        price_basis="instance",
        price_unit="hour",
        purchase_model=PRICINGS[row["pricing"]],
        market_tier=tier,
        region=None if row["region"].strip().casefold() in EVERYWHERE else row["region"],
        gpu_memory_bytes=known.gpu_memory_bytes if known else None,
        form_factor=known.form_factor if known else FORM_FACTORS[form[1].lower()] if form else None,
        source_time=datetime.fromisoformat(row["collected_at"]),
    )


SOURCE = Source(
    source_id="gpu_price_index",
    title="gpu-price-index, daily observations of twelve clouds",
    kind="feed",
    homepage_url="https://github.com/ewyluda/gpu-price-index",
    terms_url="https://github.com/ewyluda/gpu-price-index/blob/main/LICENSE",
    licence="MIT",
    credit="ewyluda/gpu-price-index (MIT)",
    may_redistribute=True,
    allowed_hosts=("raw.githubusercontent.com",),
    requests=one_request("observations", URL),
    parse=parse,
    row_of_answer="line of the CSV",
    parser_version=3,
    expected_rows=(100, 4000),
    past=GitHistory(first_day=FIRST_DAY),
    currency="USD",
    price_basis="instance",
    price_unit="hour",
    known_gpus=frozenset({"H100 SXM", "H200"}),
)
