"""Scaleway's products API: instance prices by zone, in euros that the answer does not label."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from pipelines.sources.base import (
    NO_ACCELERATOR,
    Fetching,
    Held,
    OutOfScope,
    ParseError,
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
    objects_in,
    offer_or_held,
    sku_of,
    value_at,
    yes_or_no,
)

PER_PAGE = 100
ZONES = (
    "fr-par-1",
    "fr-par-2",
    "fr-par-3",
    "nl-ams-1",
    "nl-ams-2",
    "nl-ams-3",
    "pl-waw-1",
    "pl-waw-2",
    "pl-waw-3",
)
# H100-SXM-2-80G: name, GPUs of the instance, gigabytes of one GPU.
COMMERCIAL_TYPE = re.compile(r"^(?P<gpu>.{1,60}?)-(?P<count>\d{1,4})-(?P<gigabytes>\d{1,5})G$")
FORM_FACTORS = {"H100": "PCIe"}  # the product without "SXM" is the PCIe card
# https://www.scaleway.com/en/h100-pcie-try-it-now/


def requests(fetching: Fetching) -> list[Request]:
    """Ask for every zone; a zone without GPUs may answer 404."""
    return [
        Request(
            key=zone,
            url=f"https://api.scaleway.com/instance/v1/zones/{zone}/products/servers?per_page={PER_PAGE}",
            is_optional=True,
        )
        for zone in ZONES
    ]


def follow(request: Request, payload: Payload) -> list[Request]:
    """Ask for the next page where this one is full."""
    servers = value_at(payload, "servers")
    zone, _, page = request.key.partition(":")
    if not isinstance(servers, dict) or len(servers) < PER_PAGE:
        return []
    number = int(page or 1) + 1
    url = f"{request.url.partition('&page=')[0]}&page={number}"
    return [Request(key=f"{zone}:{number}", url=url)]


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield one offer for each GPU instance type of the zone."""
    document = payload.json()
    servers = document.get("servers") if isinstance(document, dict) else None
    if not isinstance(servers, dict):
        raise ParseError(f"{payload.where()}: no mapping 'servers'; did the API change?")
    rows = [
        {"commercial_type": sku, **server}
        for sku, server in zip(servers, objects_in(list(servers.values())), strict=True)
    ]
    yield from each_row(payload, rows, lambda row: _offers(row, payload.key.split(":")[0]))


def _offers(row: Mapping[str, Any], zone: str) -> Iterator[Row]:
    if not row["gpu"]:
        yield OutOfScope(NO_ACCELERATOR)
        return
    sku = row["commercial_type"]
    if row.get("mig_profile") is not None:
        reason = f"{sku} is the slice {row['mig_profile']} of a GPU"
        yield Held(rule="mig_slice", reason=reason, row=row)
        return
    match = COMMERCIAL_TYPE.match(sku)
    if match is not None and int(match["count"]) != row["gpu"]:
        reason = f"{row['gpu']!r} GPUs, but the type is {sku!r}"
        yield Held(rule="gpu_count_disagrees", reason=reason, row=row)
        return
    info = row.get("gpu_info") or {}
    name = sku_of(info.get("gpu_name") or (match["gpu"] if match else sku))
    memory = info.get("gpu_memory")
    form_factor = "SXM" if "SXM" in name.upper() else FORM_FACTORS.get(name)
    yield offer_or_held(
        row,
        price=row["hourly_price"],
        provider_id="scaleway",
        sku=sku,
        gpu_name_printed=f"{name}-{form_factor}" if name in FORM_FACTORS else name,
        gpu_count=row["gpu"],
        currency="EUR",  # not printed; the API bills in euros everywhere
        price_basis="instance",
        price_unit="hour",
        purchase_model="on_demand",
        market_tier="neocloud",
        region=zone,
        gpu_memory_bytes=memory or (gigabytes_to_bytes(match["gigabytes"]) if match else None),
        vcpu_count=decimal_or_none(row.get("ncpus")),
        memory_bytes=row.get("ram"),
        form_factor=form_factor,
        is_available=False if yes_or_no(row.get("end_of_service")) else None,
    )


SOURCE = Source(
    source_id="scaleway",
    title="Scaleway instance products",
    kind="api",
    homepage_url="https://www.scaleway.com/en/pricing/gpu/",
    terms_url="https://www.scaleway.com/en/contracts/",
    licence="terms",
    credit="Prices: Scaleway",
    may_redistribute=False,
    allowed_hosts=("api.scaleway.com",),
    requests=requests,
    parse=parse,
    row_of_answer="server type of the zone",
    follow=follow,
    parser_version=1,
    verified_with="excerpt",
    verified_on=date(2026, 8, 22),
    expected_rows=(5, 80),
    max_bytes=four_times(2_026),
    currency="EUR",
    price_basis="instance",
    price_unit="hour",
    known_gpus=frozenset({"H100-PCIe", "H100-SXM", "L4"}),
)
