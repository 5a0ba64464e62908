"""Vantage's instances.json: AWS machines with on-demand and reserved prices by region.

``pricing[region][system]`` holds prices as text; ``reserved`` is already spread over the hours of
its term, so only the plans without payment in advance are offers by the hour. ``GPU_memory`` is
the total of the machine and ``GPU_model`` sometimes the name of the die: both are read from our
table of instance types instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from pipelines.sources.base import (
    MEBIBYTE,
    NO_ACCELERATOR,
    Held,
    OutOfScope,
    Payload,
    PurchaseModel,
    ReadRow,
    Row,
    Source,
    one_request,
)
from pipelines.sources.fields import (
    decimal_or_none,
    each_row,
    gibibytes_to_bytes,
    objects_at,
    offer_or_held,
)
from pipelines.sources.instance_types import instance_type

URL = "https://instances.vantage.sh/instances.json"
SYSTEM = "linux"
# field of ``reserved``: months. Convertible plans and plans paid in advance are other products.
RESERVED = {"yrTerm1Standard.noUpfront": 12, "yrTerm3Standard.noUpfront": 36}


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield on-demand and reserved offers of each GPU machine in each region."""
    yield from each_row(payload, objects_at(payload), _offers)


def _offers(row: Mapping[str, Any]) -> Iterator[Row]:
    name = row["instance_type"]
    if not row["GPU"] and instance_type("aws", name) is None:
        yield OutOfScope(NO_ACCELERATOR)
        return
    short = {"instance_type": name, "GPU": row["GPU"], "GPU_model": row.get("GPU_model")}
    known = instance_type("aws", name)
    if known is None:
        reason = f"{name} holds {row['GPU']} {row.get('GPU_model')}, but is not in the table"
        yield Held(rule="instance_type_unknown", reason=reason, row=short)
        return
    if not known.is_whole:
        reason = f"{name} holds {known.gpu_count} of a GPU"
        yield Held(rule="fractional_gpu", reason=reason, row=short)
        return
    if decimal_or_none(row["GPU"]) != int(known.gpu_count):
        reason = f"{row['GPU']} GPUs are printed, {name} holds {known.gpu_count}"
        yield Held(rule="gpu_count_disagrees", reason=reason, row=short)
        return
    for region, systems in row["pricing"].items():
        prices = systems.get(SYSTEM)
        if not isinstance(prices, dict):
            yield OutOfScope("not sold with Linux in this region")
            continue
        plans: list[tuple[object, PurchaseModel, int | None]] = [
            (prices.get("ondemand"), "on_demand", None)
        ]
        reserved = prices.get("reserved") or {}
        plans += [(reserved.get(plan), "reserved", months) for plan, months in RESERVED.items()]
        for price, model, months in plans:
            if price in (None, "", "N/A"):
                yield OutOfScope("not sold this way")
                continue
            yield offer_or_held(
                {**short, "region": region, "price": price, "months": months},
                price=price,
                provider_id="aws",
                sku=name,
                gpu_name_printed=known.gpu,
                gpu_count=int(known.gpu_count),
                currency="USD",
                price_basis="instance",
                price_unit="hour",
                purchase_model=model,
                market_tier="hyperscaler",
                region=region,
                commitment_months=months,
                upfront_fraction=Decimal(0) if months else None,
                gpu_memory_bytes=known.gpu_memory_bytes,
                vcpu_count=decimal_or_none(row.get("vCPU")),
                memory_bytes=gibibytes_to_bytes(row.get("memory")),
                form_factor=known.form_factor,
            )


SOURCE = Source(
    source_id="vantage",
    title="Vantage instances.json: AWS machines",
    kind="feed",
    homepage_url="https://instances.vantage.sh",
    terms_url="https://github.com/vantage-sh/ec2instances.info",
    licence="MIT",
    credit="Vantage, ec2instances.info (MIT)",
    may_redistribute=False,
    allowed_hosts=("instances.vantage.sh",),
    requests=one_request("instances", URL),
    parse=parse,
    row_of_answer="element of the answer",
    parser_version=1,
    expected_rows=(200, 20000),
    max_bytes=512 * MEBIBYTE,  # every instance type of AWS in every region
    visit_max_bytes=512 * MEBIBYTE,
    currency="USD",
    price_basis="instance",
    price_unit="hour",
    known_gpus=frozenset({"H100 SXM", "A10G"}),
    disabled_reason="hundreds of megabytes a day for prices that aws and aws_spot read first-hand",
)
