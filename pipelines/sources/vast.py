"""Vast.ai's bundles: what hosts ask for whole GPUs of their machines, before the disk.

One machine is listed several times, as 1, 2, 4 ... of its GPUs (``gpu_frac`` is the share of the
machine, never of a GPU). ``dph_base`` is the price of the GPUs; ``dph_total`` adds a disk that is
billed apart. ``min_bid`` is where an auction begins and no price at which anything runs: it is not
read. The server hands out 64 offers a request, so each GPU name is asked for on its own,
cheapest first; an answer is read for its own name only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from pipelines.sources.base import (
    Fetching,
    Held,
    MarketTier,
    OutOfScope,
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
    objects_at,
    offer_or_held,
    price_or_held,
    whole_or_none,
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


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield an offer for each machine and number of GPUs of the key's name."""
    seen: set[tuple[object, object]] = set()
    yield from each_row(
        payload, objects_at(payload, "offers"), lambda row: _offers(payload.key, row, seen)
    )


def _offers(key: str, row: Mapping[str, Any], seen: set[tuple[object, object]]) -> Iterator[Row]:
    name = row["gpu_name"]
    # If the server ignores the filter, one offer must not appear under every key.
    if name != key and (name in GPU_NAMES or key != GPU_NAMES[0]):
        yield OutOfScope("a GPU that is asked for under another key")
        return
    machine = (row["machine_id"], row["num_gpus"])
    if whole_or_none(row["machine_id"]) is None:
        reason = f"machine_id is {row['machine_id']!r}: offers of one machine cannot be told apart"
        yield Held(rule="machine_unknown", reason=reason, row=row)
        return
    if machine in seen:
        reason = f"machine {machine[0]} with {machine[1]} GPUs is listed twice"
        yield Held(rule="duplicate", reason=reason, row=row)
        return
    seen.add(machine)
    verification = row.get("verification")
    if verification != "verified" and row.get("verified") is not True:
        reason = f"verification is {verification!r}: price and machine are the host's word"
        yield Held(rule="host_unverified", reason=reason, row=row)
        return
    price, total = price_or_held(row["dph_base"], row), price_or_held(row["dph_total"], row)
    if isinstance(price, Held):
        yield price
        return
    if isinstance(total, Held):
        yield total
        return
    disk = decimal_or_none(row.get("storage_total_cost")) or Decimal(0)
    if abs(total - price - disk) > PARTS_TOLERANCE * total:
        reason = f"dph_total {total} is not dph_base {price} plus disk {disk}"
        yield Held(rule="price_parts_disagree", reason=reason, row=row)
        return
    yield _offer(name, row, price)


def _offer(name: str, row: Mapping[str, Any], price: Decimal) -> Row:
    memory = decimal_or_none(row.get("gpu_ram"))
    host_memory = decimal_or_none(row.get("cpu_ram"))
    return offer_or_held(
        row,
        price=price,
        provider_id="vast",
        sku=f"{row['machine_id']}-x{row['num_gpus']}",
        gpu_name_printed=name,
        gpu_count=row["num_gpus"],
        currency="USD",
        price_basis="instance",
        price_unit="hour",
        purchase_model="on_demand",
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
    row_of_answer="element of offers",
    parser_version=2,
    verified_with="whole",
    verified_on=date(2026, 7, 18),
    expected_rows=(10, 3200),
    max_bytes=four_times(160_184),
    currency="USD",
    price_basis="instance",
    price_unit="hour",
    known_gpus=frozenset({"H100 SXM"}),
    requests_per_second=4.0,
)
