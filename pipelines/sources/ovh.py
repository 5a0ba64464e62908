"""OVHcloud's public order catalogue: instances by hour or minute, in 1e-8 of the book's currency.

Two books: the French one in euros, the one of the United States in dollars. The GPU is in
``blobs.technical.gpu``; AI training is sold by the minute and says its GPUs in the plan code. The
American book prints no interval: there the plan code says for how long, ``.minute.consumption`` or
``.consumption`` by the hour. A plan tagged ``coming_soon`` has a price, and cannot
be ordered yet.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

from pipelines.sources.base import (
    NO_ACCELERATOR,
    Fetching,
    Held,
    OutOfScope,
    ParseError,
    Payload,
    PriceUnit,
    ReadRow,
    Request,
    Row,
    Source,
)
from pipelines.sources.fields import (
    each_row,
    gigabytes_to_bytes,
    objects_at,
    offer_or_held,
    sku_of,
    value_at,
)

PATH = "1.0/order/catalog/public/cloud?ovhSubsidiary"
BOOKS = {"FR": f"https://api.ovh.com/{PATH}=FR", "US": f"https://api.us.ovhcloud.com/{PATH}=US"}
CATALOGUE_UNIT = Decimal("1e-8")
UNITS: dict[str, PriceUnit] = {"hour": "hour", "minute": "minute"}
NO_INTERVAL = (None, "none")
AI_TRAINING = re.compile(
    r"ai-training\.(?P<gpu>\w{1,40}?)-(?P<count>\d{1,4})-gpu\.minute\.consumption"
)


def requests(fetching: Fetching) -> Sequence[Request]:
    """Return one request for each book."""
    return [Request(key=book, url=url) for book, url in BOOKS.items()]


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield one offer for each plan with GPUs that is billed by use."""
    currency = value_at(payload, "locale", "currencyCode")
    if not isinstance(currency, str):
        raise ParseError(f"{payload.where()}: no locale.currencyCode; in which currency is it?")
    rows = objects_at(payload, "addons")
    return each_row(payload, rows, partial(_offers, book=payload.key, currency=currency))


def _why_not(row: Mapping[str, Any]) -> str | None:
    """Return why a row is out of scope, or None."""
    plan = row["planCode"]
    if not (_technical_gpu(row) or AI_TRAINING.fullmatch(plan)):
        return NO_ACCELERATOR
    if plan.startswith("win-"):
        return "with a Windows licence"
    return None if plan.endswith(".consumption") else "not billed by use"


def _technical_gpu(row: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Any = row
    for name in ("blobs", "technical", "gpu"):
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def _unit(plan: str, pricing: Mapping[str, Any]) -> PriceUnit | None:
    """Return for how long a price is, or None where that cannot be told."""
    printed, interval = pricing.get("intervalUnit"), pricing.get("interval")
    if printed in NO_INTERVAL and not interval:
        return "minute" if plan.endswith(".minute.consumption") else "hour"
    return UNITS.get(printed) if interval in (1, None) and isinstance(printed, str) else None


def _tags(row: Mapping[str, Any]) -> Sequence[Any]:
    tags = (row.get("blobs") or {}).get("tags")
    return tags if isinstance(tags, list) else ()


def _offers(row: Mapping[str, Any], book: str, currency: str) -> Iterator[Row]:
    if reason := _why_not(row):
        yield OutOfScope(reason)
        return
    plan, gpu, memory = row["planCode"], _technical_gpu(row), None
    name, count = gpu.get("model"), gpu.get("number")
    if gpu:
        memory = gigabytes_to_bytes(gpu["memory"]["size"])
    elif training := AI_TRAINING.fullmatch(plan):
        name, count = plan, training["count"]
    for pricing in row["pricings"]:
        if "consumption" not in pricing["capacities"]:
            yield OutOfScope("the same plan by the month")
            continue
        unit = _unit(plan, pricing)
        if unit is None:
            reason = f"priced by {pricing.get('interval')!r} {pricing.get('intervalUnit')!r}"
            yield Held(rule="unit_unknown", reason=reason, row=row)
            continue
        yield offer_or_held(
            row,
            price=pricing["price"],
            factor=CATALOGUE_UNIT,
            provider_id="ovh",
            sku=sku_of(plan, book),
            gpu_name_printed=name,
            gpu_count=count,
            currency=currency,
            price_basis="instance",
            price_unit=unit,
            purchase_model="on_demand",
            market_tier="neocloud",
            gpu_memory_bytes=memory,
            is_available=False if "coming_soon" in _tags(row) else None,
        )


SOURCE = Source(
    source_id="ovh",
    title="OVHcloud public cloud catalogue",
    kind="api",
    homepage_url="https://www.ovhcloud.com/en/public-cloud/prices/",
    terms_url="https://www.ovhcloud.com/en/terms-and-conditions/",
    credit="Prices: OVHcloud",
    allowed_hosts=("api.ovh.com", "api.us.ovhcloud.com"),
    requests=requests,
    parse=parse,
    row_of_answer="element of addons",
    parser_version=2,
    expected_rows=(5, 300),
    price_basis="instance",
    known_gpus=frozenset({"L4", "L40S", "H100"}),
)
