"""Vultr: cloud GPU plans, whole and sliced, and bare metal, priced per instance.

``gpu_vram_gb`` is the total of the plan and says no count: count = total / memory of one card.
Less than one card is a slice and held. Bare metal names its GPUs in the plan's id only. A price
whose ``deploy_`` flag is false is printed and cannot be had; ``location_cost`` overrides by place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipelines.sources.base import (
    MEBIBYTE,
    Fetching,
    Held,
    Payload,
    PurchaseModel,
    Request,
    Row,
    Source,
    decimal_or_none,
    each_row,
    gigabytes_to_bytes,
    objects_at,
    offer_or_held,
    value_at,
)

HOST = "https://api.vultr.com/v2"
LISTS = {"plans": "plans?type=all&per_page=500", "plans_metal": "plans-metal?per_page=500"}
# Memory of the cards that Vultr rents [GB], https://www.vultr.com/pricing/#cloud-gpu
CARD_GIGABYTES = {
    "NVIDIA_A16": 16,
    "NVIDIA_A40": 48,
    "NVIDIA_A100": 80,
    "NVIDIA_L40S": 48,
    "NVIDIA_H100": 80,
    "NVIDIA_GH200": 96,
    "NVIDIA_B200": 180,
    "AMD_MI300X": 192,
    "AMD_MI325X": 256,
}
METAL_PLAN = re.compile(r"vbm-\d+c-\d+gb-(?:(\d+)-)?\w+-gpu")
PRICES: tuple[tuple[str, str, PurchaseModel], ...] = (
    ("hourly_cost", "deploy_ondemand", "on_demand"),
    ("hourly_cost_preemptible", "deploy_preemptible", "spot"),
)


def requests(fetching: Fetching) -> Sequence[Request]:
    """Return the first page of both lists."""
    return [Request(key=f"{name}/1", url=f"{HOST}/{path}") for name, path in LISTS.items()]


def follow(request: Request, payload: Payload) -> Sequence[Request]:
    """Return the next page where the answer names a cursor."""
    cursor = value_at(payload, "meta", "links", "next")
    if not isinstance(cursor, str) or not cursor:
        return ()
    name, page = request.key.split("/")
    url = f"{HOST}/{LISTS[name]}&cursor={cursor}"
    return (Request(key=f"{name}/{int(page) + 1}", url=url),)


def parse(payload: Payload) -> Iterator[Row]:
    """Yield one offer for each plan with GPUs, location and purchase model."""
    name = payload.key.split("/")[0]
    if name == "plans":
        rows = [row for row in objects_at(payload, name) if row.get("gpu_type")]
        return each_row(payload, rows, _cloud_plan)
    rows = [row for row in objects_at(payload, name) if "gpu" in str(row.get("id"))]
    return each_row(payload, rows, _metal_plan)


def _cloud_plan(row: Mapping[str, Any]) -> Iterator[Row]:
    card = CARD_GIGABYTES.get(row["gpu_type"])
    total = decimal_or_none(row["gpu_vram_gb"])
    if card is None or total is None:
        reason = f"{row['gpu_type']} with {row['gpu_vram_gb']!r} GB: the count cannot be told"
        yield Held(rule="gpu_count_unknown", reason=reason, row=row)
    elif total % card:
        reason = f"{total} of the {card} GB of one card: a slice"
        yield Held(rule="fractional_gpu", reason=reason, row=row)
    else:
        yield from _offers(row, row["gpu_type"], int(total / card), card, row["vcpu_count"])


def _metal_plan(row: Mapping[str, Any]) -> Iterator[Row]:
    plan = METAL_PLAN.fullmatch(row["id"])
    if plan is None:
        reason = f"no GPU count in {row['id']!r}"
        yield Held(rule="gpu_count_unknown", reason=reason, row=row)
    else:
        yield from _offers(row, row["id"], int(plan[1] or 1), None, row["cpu_threads"])


def _offers(
    row: Mapping[str, Any], name: str, count: int, card: int | None, vcpus: object
) -> Iterator[Row]:
    for field, flag, purchase_model in PRICES:
        if field not in row and purchase_model == "spot":
            continue
        if row.get(flag) is False:
            yield Held(rule="not_offered", reason=f"{flag} is false", row=row)
            continue
        dearer = row.get("location_cost") or {}
        for location in row["locations"] or (None,):
            yield offer_or_held(
                row,
                price=dearer.get(location, row)[field],
                provider_id="vultr",
                sku=row["id"],
                gpu_name_printed=name,
                gpu_count=count,
                currency="USD",
                price_basis="instance",
                price_unit="hour",
                purchase_model=purchase_model,
                market_tier="neocloud",
                region=location,
                gpu_memory_bytes=gigabytes_to_bytes(card),
                vcpu_count=decimal_or_none(vcpus),
                memory_bytes=row["ram"] * MEBIBYTE,
                is_available=False if location is None else None,
            )


SOURCE = Source(
    source_id="vultr",
    title="Vultr plans",
    kind="api",
    homepage_url="https://www.vultr.com/pricing/",
    terms_url="https://www.vultr.com/legal/tos/",
    credit="Prices: Vultr",
    allowed_hosts=("api.vultr.com",),
    requests=requests,
    parse=parse,
    parser_version=1,
    expected_rows=(20, 1500),
    follow=follow,
    currency="USD",
    price_basis="instance",
    price_unit="hour",
    known_gpus=frozenset({"NVIDIA_A100", "NVIDIA_L40S"}),
)
