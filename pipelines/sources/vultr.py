"""Vultr: cloud GPU plans, whole and sliced, and bare metal, priced per instance.

A plan prints the memory of all its GPUs, without a count: count = total / memory of one card. Less
than one card is a slice and held. Plans of whole cards (``vdm``) and bare metal name their GPUs in
the plan's id only. A price whose ``deploy_`` flag is false is printed but not available;
``location_cost`` overrides by place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from pipelines.sources.base import (
    NO_ACCELERATOR,
    Fetching,
    Held,
    OutOfScope,
    Payload,
    PurchaseModel,
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
    mebibytes_to_bytes,
    objects_at,
    offer_or_held,
    value_at,
    yes_or_no,
)

HOST = "https://api.vultr.com/v2"
LISTS = {"plans": "plans?type=all&per_page=500", "plans_metal": "plans-metal?per_page=500"}
# Memory of the cards that Vultr rents [GB], https://www.vultr.com/pricing/#cloud-gpu; two figures
# where a card is sold by its usable and by its nominal memory.
CARD_GIGABYTES = {
    "NVIDIA_A16": (16,),
    "NVIDIA_A40": (48,),
    "NVIDIA_A100": (80,),
    "NVIDIA_L40S": (48,),
    "NVIDIA_H100": (80,),
    "NVIDIA_H200": (141,),
    "NVIDIA_GH200": (96,),
    "NVIDIA_B200": (180, 192),
    "NVIDIA_B300": (288,),
    "AMD_MI300X": (192,),
    "AMD_MI325X": (256,),
    "AMD_MI355X": (288,),
}
MOST_CARDS = 16  # in one plan
CLOUD_PLAN = re.compile(r"vcg-(?P<gpu>[a-z0-9]{1,20})-\d{1,4}c-\d{1,6}g-(?P<gigabytes>\d{1,5})vram")
METAL_PLAN = re.compile(r"vbm-\d{1,4}c-\d{1,6}gb-(?:(\d{1,3})-)?\w{1,20}-gpu")
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


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield one offer for each plan with GPUs, location and purchase model."""
    name = payload.key.split("/")[0]
    return each_row(
        payload, objects_at(payload, name), _cloud_plan if name == "plans" else _metal_plan
    )


def _has_gpus(row: Mapping[str, Any]) -> bool:
    """Return whether any field says so: plans differ in which ``gpu_`` fields they have."""
    is_named = any(value for field, value in row.items() if field.startswith("gpu_"))
    return is_named or str(row.get("id")).startswith("vcg-")


def _cloud_plan(row: Mapping[str, Any]) -> Iterator[Row]:
    if not _has_gpus(row):
        yield OutOfScope(NO_ACCELERATOR)
        return
    plan = CLOUD_PLAN.fullmatch(row["id"])
    name, total = row.get("gpu_type"), decimal_or_none(row.get("gpu_vram_gb"))
    if plan is not None and not name and row.get("gpu_brand"):
        name = f"{row['gpu_brand']}_{plan['gpu'].upper()}"
    if plan is not None and total is None:
        total = decimal_or_none(plan["gigabytes"])
    cards = CARD_GIGABYTES.get(name) if isinstance(name, str) else None
    if cards is None or total is None:
        reason = f"{name or row['id']} with {total} GB: the count cannot be told"
        yield Held(rule="gpu_count_unknown", reason=reason, row=row)
        return
    whole = [card for card in cards if not total % card and total / card <= MOST_CARDS]
    if not whole:
        reason = f"{total} of the {cards[0]} GB of one card: a slice"
        yield Held(rule="fractional_gpu", reason=reason, row=row)
    else:
        yield from _offers(row, str(name), int(total / whole[0]), whole[0], row.get("vcpu_count"))


def _metal_plan(row: Mapping[str, Any]) -> Iterator[Row]:
    plan = METAL_PLAN.fullmatch(row["id"])
    if "gpu" not in row["id"]:
        yield OutOfScope(NO_ACCELERATOR)
    elif plan is None:
        reason = f"no GPU count in {row['id']!r}"
        yield Held(rule="gpu_count_unknown", reason=reason, row=row)
    else:
        yield from _offers(row, row["id"], int(plan[1] or 1), None, row.get("cpu_threads"))


def _offers(
    row: Mapping[str, Any], name: str, count: int, card: int | None, vcpus: object
) -> Iterator[Row]:
    for field, flag, purchase_model in PRICES:
        if field not in row and purchase_model == "spot":
            continue
        if yes_or_no(row.get(flag)) is False:
            yield Held(rule="not_offered", reason=f"{flag} is false", row=row)
            continue
        by_location = row.get("location_cost") or {}
        for location in row["locations"] or (None,):
            yield offer_or_held(
                row,
                price=by_location.get(location, row)[field],
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
                memory_bytes=mebibytes_to_bytes(row.get("ram")),
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
    row_of_answer="element of plans or plans_metal",
    parser_version=2,
    verified_with="excerpt",
    verified_on=date(2026, 9, 30),
    expected_rows=(20, 1500),
    max_bytes=four_times(945),
    follow=follow,
    currency="USD",
    price_basis="instance",
    price_unit="hour",
    known_gpus=frozenset({"NVIDIA_A100", "NVIDIA_L40S"}),
)
