"""RunPod's GraphQL API: one call, prices per GPU, secure and community cloud side by side.

A tier whose flag is off is not offered, whatever its price (0.50 or an old list price).
``lowestPrice`` is asked for one GPU and read for stock only: its prices are of a whole pod.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from pipelines.sources.base import (
    Held,
    MarketTier,
    Offer,
    OutOfScope,
    ParseError,
    Payload,
    PurchaseModel,
    ReadRow,
    Row,
    Source,
    four_times,
    one_request,
)
from pipelines.sources.fields import (
    decimal_or_none,
    each_row,
    gigabytes_to_bytes,
    objects_at,
    price_or_held,
    sku_of,
    yes_or_no,
)

URL = "https://api.runpod.io/graphql"
QUERY = (
    "{gpuTypes{id displayName manufacturer memoryInGb secureCloud communityCloud securePrice "
    "communityPrice secureSpotPrice communitySpotPrice oneMonthPrice threeMonthPrice "
    "sixMonthPrice oneYearPrice "
    "lowestPrice(input:{gpuCount:1,secureCloud:true}){minimumBidPrice uninterruptablePrice "
    "stockStatus}}}"
)

# field, flag of its tier, purchase model, tier, months
PRICES: tuple[tuple[str, str, PurchaseModel, MarketTier, int | None], ...] = (
    ("securePrice", "secureCloud", "on_demand", "marketplace_secure", None),
    ("communityPrice", "communityCloud", "on_demand", "marketplace_community", None),
    ("secureSpotPrice", "secureCloud", "spot", "marketplace_secure", None),
    ("communitySpotPrice", "communityCloud", "spot", "marketplace_community", None),
    ("oneMonthPrice", "secureCloud", "reserved", "marketplace_secure", 1),
    ("threeMonthPrice", "secureCloud", "reserved", "marketplace_secure", 3),
    ("sixMonthPrice", "secureCloud", "reserved", "marketplace_secure", 6),
    ("oneYearPrice", "secureCloud", "reserved", "marketplace_secure", 12),
)
ALWAYS_PRICED = ("securePrice", "communityPrice")
PLACEHOLDER = Decimal("0.5")
PLACEHOLDER_REPEATS = 5  # one price on so many unrelated models is a placeholder


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield one offer for each GPU type, tier and purchase model that is really offered."""
    document = payload.json()
    if not isinstance(document, dict) or document.get("errors"):
        raise ParseError(f"{payload.where()}: the API answers {str(document)[:200]}")
    gpu_types = objects_at(payload, "data", "gpuTypes")
    repeats = Counter(
        field
        for row in gpu_types
        for field, flag, *_ in PRICES
        if row.get(flag) is True and decimal_or_none(row.get(field)) == PLACEHOLDER
    )
    yield from each_row(payload, gpu_types, lambda row: _offers(row, repeats))


def _offers(row: Mapping[str, Any], repeats: Counter[str]) -> Iterator[Row]:
    gpu_id = sku_of(row["id"])
    if gpu_id == "unknown":
        yield Held(rule="gpu_unknown", reason="RunPod's own entry 'unknown'", row=row)
        return
    if " MIG " in gpu_id:
        yield Held(rule="mig_slice", reason=f"{gpu_id} is a slice of a GPU", row=row)
        return
    for field, flag, purchase_model, tier, months in PRICES:
        # Fields that a query leaves out say nothing; these two make the source what it is.
        printed = row[field] if field in ALWAYS_PRICED else row.get(field)
        is_offered = yes_or_no(row[flag])
        if is_offered is not True and not decimal_or_none(printed):
            yield OutOfScope("neither offered nor priced")
            continue
        if printed is None and field not in ALWAYS_PRICED:
            yield OutOfScope("neither offered nor priced")
            continue
        if is_offered is not True:
            reason = f"{field} is {printed} but {flag} is {is_offered}"
            yield Held(rule="not_offered", reason=reason, row=row)
            continue
        price = price_or_held(printed, row)
        if isinstance(price, Held):
            yield price
        elif price == PLACEHOLDER and repeats[field] >= PLACEHOLDER_REPEATS:
            reason = f"{field} is {price} on {repeats[field]} models: a placeholder"
            yield Held(rule="price_placeholder", reason=reason, row=row)
        elif purchase_model == "spot" and price == decimal_or_none(
            row.get(field.replace("Spot", ""))
        ):
            reason = f"{field} is {price}, the price on demand: spot is not known"
            yield Held(rule="spot_equals_on_demand", reason=reason, row=row)
        else:
            yield Offer(
                provider_id="runpod",
                sku=gpu_id,
                gpu_name_printed=gpu_id,
                gpu_count=1,
                price_amount=price,
                currency="USD",
                price_basis="gpu",
                price_unit="hour",
                purchase_model=purchase_model,
                market_tier=tier,
                commitment_months=months,
                gpu_memory_bytes=gigabytes_to_bytes(row.get("memoryInGb")),
                is_available=_is_available(row, tier),
            )


def _is_available(row: Mapping[str, Any], tier: MarketTier) -> bool | None:
    # lowestPrice was asked with secureCloud: true, so it says nothing of the community cloud.
    stock = (row.get("lowestPrice") or {}).get("stockStatus")
    return True if stock in {"Low", "Medium", "High"} and tier == "marketplace_secure" else None


SOURCE = Source(
    source_id="runpod",
    title="RunPod GPU types",
    kind="api",
    homepage_url="https://www.runpod.io/pricing",
    terms_url="https://www.runpod.io/legal/terms-of-service",
    licence="terms",
    credit="Prices: RunPod",
    may_redistribute=False,
    allowed_hosts=("api.runpod.io",),
    requests=one_request("gpu_types", URL, method="POST", json_body={"query": QUERY}),
    parse=parse,
    row_of_answer="element of data.gpuTypes",
    parser_version=1,
    verified_with="whole",
    verified_on=date(2026, 7, 18),
    expected_rows=(40, 500),
    max_bytes=four_times(16_069),
    currency="USD",
    price_basis="gpu",
    price_unit="hour",
    known_gpus=frozenset({"NVIDIA H100 80GB HBM3", "NVIDIA L4", "NVIDIA RTX A6000"}),
)
