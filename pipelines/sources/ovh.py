"""OVHcloud's public order catalogue: instances by hour or minute, in 1e-8 of the book's currency.

Two books: the French one in euros, the one of the United States in dollars. The GPU stands in
``blobs.technical.gpu``; AI training is sold by the minute and says its GPUs in the plan code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

from pipelines.sources.base import (
    Fetching,
    Held,
    ParseError,
    Payload,
    PriceUnit,
    Request,
    Row,
    Source,
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
AI_TRAINING = re.compile(r"ai-training\.(?P<gpu>\w+?)-(?P<count>\d+)-gpu\.minute\.consumption")


def requests(fetching: Fetching) -> Sequence[Request]:
    """Return one request for each book."""
    return [Request(key=book, url=url) for book, url in BOOKS.items()]


def parse(payload: Payload) -> Iterator[Row]:
    """Yield one offer for each plan with GPUs that is billed by use."""
    currency = value_at(payload, "locale", "currencyCode")
    if not isinstance(currency, str):
        raise ParseError(f"{payload.where()}: no locale.currencyCode; in which currency is it?")
    rows = [row for row in objects_at(payload, "addons") if _has_gpus(row)]
    return each_row(payload, rows, partial(_offers, book=payload.key, currency=currency))


def _has_gpus(row: Mapping[str, Any]) -> bool:
    plan = str(row.get("planCode"))
    if not plan.endswith(".consumption") or plan.startswith("win-"):  # Windows is a licence more
        return False
    return bool(_technical_gpu(row) or AI_TRAINING.fullmatch(plan))


def _technical_gpu(row: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Any = row
    for name in ("blobs", "technical", "gpu"):
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def _offers(row: Mapping[str, Any], book: str, currency: str) -> Iterator[Row]:
    plan, gpu, memory = row["planCode"], _technical_gpu(row), None
    name, count = gpu.get("model"), gpu.get("number")
    if gpu:
        memory = gigabytes_to_bytes(gpu["memory"]["size"])
    elif training := AI_TRAINING.fullmatch(plan):
        name, count = plan, training["count"]
    for pricing in row["pricings"]:
        if "consumption" not in pricing["capacities"]:
            continue  # the same plan by the month
        unit = UNITS.get(pricing["intervalUnit"])
        if unit is None:
            reason = f"priced by {pricing['intervalUnit']!r}"
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
    parser_version=1,
    expected_rows=(5, 300),
    price_basis="instance",
    known_gpus=frozenset({"L4", "L40S", "H100"}),
)
