"""Prime Intellect: other clouds' nodes at the price that it resells them for, whole nodes.

An aggregator: ``provider_id`` is the cloud that owns the node. A node whose vCPUs or memory are
billed beside the printed price, or that is paid for ahead, is held: the price is not the whole. A
part with null for price and for "included" comes with the node.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from pipelines.sources.base import (
    Fetching,
    Held,
    Payload,
    ReadRow,
    Request,
    Row,
    Source,
    four_times,
)
from pipelines.sources.fields import (
    decimal_or_none,
    each_row,
    gigabytes_to_bytes,
    objects_at,
    offer_or_held,
    sku_of,
    value_at,
    whole_or_none,
    yes_or_no,
)
from pipelines.sources.providers import market_tier, provider_id

KEY = "PRIME_INTELLECT_API_KEY"
PAGE_SIZE = 100


def _request(page: int, secret: Mapping[str, str]) -> Request:
    path = f"api/v1/availability/gpus?page={page}&page_size={PAGE_SIZE}"
    url = f"https://api.primeintellect.ai/{path}"
    return Request(key=f"gpus/{page}", url=url, secret_headers=secret)


def requests(fetching: Fetching) -> Sequence[Request]:
    """Return the first page."""
    return (_request(1, {"Authorization": f"Bearer {fetching.environment.get(KEY, '')}"}),)


def follow(request: Request, payload: Payload) -> Sequence[Request]:
    """Return the next page, until ``totalCount`` rows were asked for."""
    page = int(request.key.split("/")[1])
    if page * PAGE_SIZE >= (whole_or_none(value_at(payload, "totalCount")) or 0):
        return ()
    return (_request(page + 1, request.secret_headers),)


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield one offer for each node."""
    return each_row(payload, objects_at(payload, "items"), _offers)


def _is_billed_beside(part: Mapping[str, Any]) -> bool:
    is_included = yes_or_no(part["defaultIncludedInPrice"])
    return is_included is False or (is_included is None and bool(part.get("pricePerUnit")))


def _offers(row: Mapping[str, Any]) -> Iterator[Row]:
    prices, provider = row["prices"], provider_id(row["provider"])
    beside = [part for part in ("vcpu", "memory") if _is_billed_beside(row[part])]
    if beside:
        reason = f"{' and '.join(beside)} billed beside the price"
        yield Held(rule="sum_incomplete", reason=reason, row=row)
        return
    if row.get("prepaidTime") is not None:
        reason = f"prepaid for {row['prepaidTime']}: neither on demand nor a stated term"
        yield Held(rule="term_unknown", reason=reason, row=row)
        return
    is_community = row["security"] == "community_cloud"
    yield offer_or_held(
        row,
        price=prices["onDemand"],
        provider_id=provider,
        sku=sku_of(row["cloudId"], row["gpuCount"]),
        gpu_name_printed=row["gpuType"],
        gpu_count=row["gpuCount"],
        currency=prices["currency"].upper(),
        price_basis="instance",
        price_unit="hour",
        purchase_model="spot" if yes_or_no(row["isSpot"]) else "on_demand",
        market_tier="marketplace_community" if is_community else market_tier(provider),
        region=row.get("dataCenter") or row["region"],
        gpu_memory_bytes=gigabytes_to_bytes(row["gpuMemory"]),
        vcpu_count=decimal_or_none(row["vcpu"]["defaultCount"]),
        memory_bytes=gigabytes_to_bytes(row["memory"]["defaultCount"]),
        form_factor=row["socket"],
        interconnect=row.get("interconnectType"),
        is_available=_is_available(row.get("stockStatus")),
    )


def _is_available(printed: object) -> bool | None:
    if not isinstance(printed, str):
        return None
    return printed.replace("_", " ").casefold() not in ("unavailable", "out of stock", "sold out")


SOURCE = Source(
    source_id="prime_intellect",
    title="Prime Intellect availability",
    kind="feed",
    homepage_url="https://www.primeintellect.ai",
    terms_url="https://docs.primeintellect.ai/api-reference/availability/get-gpu-availability",
    credit="Prices: Prime Intellect",
    allowed_hosts=("api.primeintellect.ai",),
    requests=requests,
    parse=parse,
    row_of_answer="element of items",
    parser_version=2,
    verified_with="whole",
    verified_on=date(2025, 11, 16),
    expected_rows=(20, 3000),
    max_bytes=four_times(18_149),
    follow=follow,
    price_basis="instance",
    price_unit="hour",
    known_gpus=frozenset({"H100_80GB", "A100_80GB"}),
    key_environment=KEY,
)
