"""gputable.dev: prices per GPU and hour of some 39 clouds, with its terms inside the answer.

Free to use with attribution; its ``source_url`` stays as printed, parameters included, because
the project earns its money by them. Google's rows price the GPU without its machine, Nebius's
preemptible price is labelled "reserved" without months, Vast.ai's lowest bid "spot", and serverless
clouds "on_demand": none of them is an offer here. Salad's are spot prices, labelled "on_demand". An
H100 or A100 whose provider names no form is printed as "SXM": that says nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from pipelines.sources.base import (
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
    feed_offers,
    gigabytes_to_bytes,
    objects_at,
    offer_or_held,
    sku_of,
    value_at,
    yes_or_no,
)
from pipelines.sources.providers import INTERRUPTIBLE, market_tier, provider_id
from pipelines.text import single_spaced

URL = "https://gputable.dev/data.json"
PRICING_TYPES: dict[str, PurchaseModel] = {
    "on_demand": "on_demand",
    "spot": "spot",
    "reserved": "reserved",
}
# Billed while a request runs, by the providers' own price pages (2026-11-21).
SERVERLESS = {"baseten", "beam", "cerebrium", "fal", "koyeb", "modal", "replicate"}
GPU_ONLY_PAGE = "https://cloud.google.com/compute/gpus-pricing"
GPUS_PRICED_WITH_THEIR_MACHINE = ("B200", "GB200")
COMMUNITY = " community"
FORM_FACTORS = {"PCIe": "PCIe", "NVL": "NVL"}


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield one offer for each GPU, provider, number of GPUs and way to buy."""
    states = value_at(payload, "providers")
    if not isinstance(states, dict):
        raise ParseError(f"{payload.where()}: no mapping 'providers'; did the table change?")
    fetched = {
        provider_id(name): state.get("fetched_at")
        for name, state in states.items()
        if isinstance(state, dict) and any(map(str.isalnum, name))
    }
    rows = objects_at(payload, "data")
    yield from feed_offers(payload, rows, lambda row: _offer(row, fetched))


def _offer(row: Mapping[str, Any], fetched: Mapping[str, Any]) -> Offer | Held:
    printed, gpu = single_spaced(row["provider"]), row["gpu"]
    is_community = printed.lower().endswith(COMMUNITY)
    provider = provider_id(printed[: -len(COMMUNITY)] if is_community else printed)
    tier: MarketTier = "marketplace_community" if is_community else market_tier(provider)
    model = PRICING_TYPES.get(row["pricing_type"])
    if provider in INTERRUPTIBLE and model == "on_demand":
        model = "spot"
    months = row.get("commitment_months")
    rule = reason = None
    if model is None:
        rule, reason = "kind_unknown", f"pricing_type is {row['pricing_type']!r}"
    elif provider in SERVERLESS:
        rule, reason = "serverless", f"{printed} bills while a request runs"
    elif provider == "vast" and model == "spot":
        rule, reason = "bid_floor", f"the lowest bid that a host takes for {gpu}"
    elif model == "reserved" and not isinstance(months, int):
        rule, reason = "term_unknown", f"{printed} {gpu} is reserved for no stated time"
    elif row["source_url"].startswith(GPU_ONLY_PAGE) and not gpu.startswith(
        GPUS_PRICED_WITH_THEIR_MACHINE
    ):
        rule, reason = "gpu_without_host", f"Google's page prices {gpu} without its machine"
    if rule or model is None:
        return Held(rule=rule or "kind_unknown", reason=reason or "", row=row)
    moment = fetched.get(provider)
    return offer_or_held(
        row,
        price=row["price_per_hour_usd"],
        provider_id=provider,
        sku=sku_of(gpu, row["vram_gb"], row["gpu_count"]),
        gpu_name_printed=gpu.removesuffix(" SXM"),
        gpu_count=row["gpu_count"],
        currency="USD",
        price_basis="gpu",
        price_unit="hour",
        purchase_model=model,
        market_tier=tier,
        commitment_months=months if model == "reserved" else None,
        gpu_memory_bytes=gigabytes_to_bytes(row["vram_gb"]),
        form_factor=FORM_FACTORS.get(gpu.rpartition(" ")[2]),
        is_available=yes_or_no(row.get("available")),
        # A row that the feed carries forward is as old as the last fetch of its provider.
        source_time=datetime.fromisoformat(moment) if moment else None,
        offer_url=row["source_url"],
    )


SOURCE = Source(
    source_id="gputable",
    title="gputable.dev, prices of some 39 clouds",
    kind="feed",
    homepage_url="https://gputable.dev",
    terms_url="https://gputable.dev/llms.txt",
    licence="free with attribution: link gputable.dev, keep source_url with its parameters",
    credit="GPU prices: GPUTable, https://gputable.dev",
    may_redistribute=False,
    allowed_hosts=("gputable.dev",),
    requests=one_request("data", URL),
    parse=parse,
    row_of_answer="element of data",
    parser_version=4,
    expected_rows=(200, 3000),
    currency="USD",
    price_basis="gpu",
    price_unit="hour",
    known_gpus=frozenset({"H100", "A100 PCIe", "H200"}),
)
