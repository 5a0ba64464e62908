"""Hot Aisle: the virtual machines that a team can start now, US cents per instance and hour.

One location. The team's handle is part of the address and comes from ``HOTAISLE_TEAM_HANDLE``.
``null`` and the empty list say that nothing is free.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from pipelines.sources.base import (
    Fetching,
    Held,
    Payload,
    ReadRow,
    Request,
    Row,
    Source,
)
from pipelines.sources.fields import (
    decimal_or_none,
    each_row,
    objects_at,
    offer_or_held,
    sku_of,
    whole_or_none,
)

CENT = Decimal("0.01")
KEY = "HOTAISLE_API_KEY"


def requests(fetching: Fetching) -> Sequence[Request]:
    """Return the one request."""
    team = fetching.environment.get("HOTAISLE_TEAM_HANDLE", "")
    return (
        Request(
            key="available",
            url=f"https://admin.hotaisle.app/api/teams/{team}/virtual_machines/available/",
            secret_headers={"Authorization": f"Token {fetching.environment.get(KEY, '')}"},
        ),
    )


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield one offer for each kind of machine."""
    rows = [] if payload.json() is None else objects_at(payload)
    return each_row(payload, rows, _offers)


def _offers(row: Mapping[str, Any]) -> Iterator[Row]:
    specs = row["Specs"]
    if len(specs["gpus"]) != 1:
        reason = f"{len(specs['gpus'])} kinds of GPU in one machine"
        yield Held(rule="gpu_kinds_mixed", reason=reason, row=row)
        return
    gpu = specs["gpus"][0]
    yield offer_or_held(
        row,
        price=row["OnDemandPrice"],
        factor=CENT,
        provider_id="hotaisle",
        sku=sku_of(gpu["model"], gpu["count"], specs["cpu_cores"]),
        gpu_name_printed=gpu["model"],
        gpu_count=gpu["count"],
        currency="USD",
        price_basis="instance",
        price_unit="hour",
        purchase_model="on_demand",
        market_tier="neocloud",
        vcpu_count=decimal_or_none(specs["cpu_cores"]),
        memory_bytes=whole_or_none(specs.get("ram_capacity")),
        is_available=True,
    )


SOURCE = Source(
    source_id="hot_aisle_api",
    title="Hot Aisle virtual machines",
    kind="api",
    homepage_url="https://hotaisle.xyz/pricing/",
    terms_url="https://hotaisle.xyz",
    credit="Prices: Hot Aisle",
    allowed_hosts=("admin.hotaisle.app",),
    requests=requests,
    parse=parse,
    row_of_answer="element of the answer",
    parser_version=2,
    verified_with="excerpt",
    verified_on=date(2026, 9, 10),
    expected_rows=(1, 20),
    may_be_empty=True,
    currency="USD",
    price_basis="instance",
    price_unit="hour",
    known_gpus=frozenset({"MI300X"}),
    key_environment=KEY,
)
