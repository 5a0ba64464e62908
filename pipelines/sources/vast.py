"""Vast.ai's bundles: what hosts ask for whole GPUs of their machines, before the disk.

One machine stands several times, as 1, 2, 4 ... of its GPUs (``gpu_frac`` is the share of the
machine, never of a GPU). ``dph_base`` is the price of the GPUs; ``dph_total`` adds a disk that is
billed apart. The server hands out 64 offers a request, so each GPU name is asked for on its own,
cheapest first; an answer is read for its own name only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
    price_or_held,
    required,
    rows_at,
)

URL = "https://console.vast.ai/api/v0/bundles/"
LIMIT = 64
GPU_NAMES = (
    "A10",
    "A100 PCIE",
    "A100 SXM4",
    "A40",
    "B200",
    "B300",
    "H100 NVL",
    "H100 PCIE",
    "H100 SXM",
    "H200",
    "H200 NVL",
    "L4",
    "L40",
    "L40S",
    "RTX 3090",
    "RTX 4090",
    "RTX 5090",
    "RTX 6000Ada",
    "RTX A4000",
    "RTX A5000",
    "RTX A6000",
    "RTX PRO 6000 S",
    "RTX PRO 6000 WS",
    "Tesla T4",
    "Tesla V100",
)
HOSTING_TIERS: dict[int, MarketTier] = {0: "marketplace_community", 1: "marketplace_secure"}
PARTS_TOLERANCE = Decimal("0.01")  # [1] of the total


def requests(fetching: Fetching) -> list[Request]:
    """Ask for the cheapest verified machines of each GPU name."""
    return [
        Request(
            key=name,
            url=URL,
            method="POST",
            json_body={
                "rentable": {"eq": True},
                "verified": {"eq": True},
                "gpu_name": {"in": [name]},
                "type": "on-demand",
                "order": [["dph_total", "asc"]],
                "limit": LIMIT,
            },
        )
        for name in GPU_NAMES
    ]


def parse(payload: Payload) -> Iterator[Row]:
    """Yield an on-demand and a spot offer for each machine and number of GPUs of the key's name."""
    where = payload.where()
    seen: set[tuple[object, object]] = set()
    for row in rows_at(payload.json(), "offers", where=where):
        name = str(required(row, "gpu_name", where))
        # A filter that the server ignored must not make one offer stand under every key.
        if name != payload.key and (name in GPU_NAMES or payload.key != GPU_NAMES[0]):
            continue
        machine = (required(row, "machine_id", where), required(row, "num_gpus", where))
        if machine in seen:
            reason = f"machine {machine[0]} with {machine[1]} GPUs is listed twice"
            yield Held(rule="duplicate", reason=reason, row=row)
            continue
        seen.add(machine)
        yield from _offers(name, row, where)


def _offers(name: str, row: Mapping[str, Any], where: str) -> Iterator[Row]:
    verification = row.get("verification")
    if verification != "verified" and row.get("verified") is not True:
        reason = f"verification is {verification!r}: price and machine are the host's word"
        yield Held(rule="host_unverified", reason=reason, row=row)
        return
    gpu_count = row["num_gpus"]
    if isinstance(gpu_count, bool) or not isinstance(gpu_count, int) or gpu_count < 1:
        yield Held(rule="gpu_count_invalid", reason=f"num_gpus is {gpu_count!r}", row=row)
        return
    price = price_or_held(required(row, "dph_base", where), row)
    total = price_or_held(required(row, "dph_total", where), row)
    if isinstance(price, Held) or isinstance(total, Held):
        yield price if isinstance(price, Held) else total  # type: ignore[misc]
        return
    disk = decimal_or_none(row.get("storage_total_cost")) or Decimal(0)
    if abs(total - price - disk) > PARTS_TOLERANCE * total:
        reason = f"dph_total {total} is not dph_base {price} plus disk {disk}"
        yield Held(rule="price_parts_disagree", reason=reason, row=row)
        return
    yield _offer(name, row, price, "on_demand")
    bid = row.get("min_bid")
    if bid is None:
        return
    bid_price = price_or_held(bid, row)
    if isinstance(bid_price, Held):
        yield bid_price
    elif bid_price >= price:
        reason = f"the lowest bid that wins, {bid_price}, is no less than on demand, {price}"
        yield Held(rule="spot_not_below_on_demand", reason=reason, row=row)
    else:
        yield _offer(name, row, bid_price, "spot")


def _offer(name: str, row: Mapping[str, Any], price: Decimal, model: PurchaseModel) -> Offer:
    memory = decimal_or_none(row.get("gpu_ram"))
    host_memory = decimal_or_none(row.get("cpu_ram"))
    return Offer(
        provider_id="vast",
        sku=f"{row['machine_id']}-x{row['num_gpus']}",
        gpu_name_printed=name,
        gpu_count=row["num_gpus"],
        price_amount=price,
        currency="USD",
        price_basis="instance",
        price_unit="hour",
        purchase_model=model,
        market_tier=HOSTING_TIERS.get(row.get("hosting_type", 0), "marketplace_community"),
        region=row.get("geolocation"),
        gpu_memory_bytes=int(memory * 2**20) if memory else None,
        vcpu_count=decimal_or_none(row.get("cpu_cores_effective")),
        memory_bytes=int(host_memory * 2**20) if host_memory else None,
        is_available=row.get("rentable") if isinstance(row.get("rentable"), bool) else None,
    )


SOURCE = Source(
    source_id="vast",
    title="Vast.ai bundles of verified hosts",
    kind="marketplace",
    homepage_url="https://vast.ai/pricing",
    terms_url="https://vast.ai/terms",
    licence="terms",
    credit="Prices: Vast.ai marketplace",
    may_redistribute=False,
    allowed_hosts=("console.vast.ai",),
    requests=requests,
    parse=parse,
    parser_version=1,
    expected_rows=(10, 3200),
    currency="USD",
    price_basis="instance",
    price_unit="hour",
    known_gpus=frozenset({"H100 SXM"}),
    requests_per_second=4.0,
)
