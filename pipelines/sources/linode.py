"""Linode (Akamai): instance types with a base price and dearer regions named one by one.

A type with ``gpus`` 0 is none of ours, even where its label names an accelerator (NETINT Quadra
transcodes video). The label holds GPU, count and size: ``RTX4000 Ada x2 Small``.
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
    Request,
    Row,
    Source,
    decimal_or_none,
    each_row,
    objects_at,
    offer_or_held,
    value_at,
    whole_or_none,
)

URL = "https://api.linode.com/v4/linode/types?page_size=100"
# "RTX4000 Ada x2 Small", "Dedicated 64GB + RTX6000 GPU x2"
LABEL = re.compile(r"(?:Dedicated .+ \+ )?(?P<gpu>.+?)(?: GPU)? x(?P<count>\d+)\b.*")
FULL_NAMES = {
    "RTX6000": "Quadro RTX 6000"
}  # the plans of 2019, https://www.linode.com/products/gpu/


def requests(fetching: Fetching) -> Sequence[Request]:
    """Return the first page."""
    return (Request(key="types/1", url=URL),)


def follow(request: Request, payload: Payload) -> Sequence[Request]:
    """Return the next page, where the answer counts more."""
    page, pages = int(request.key.split("/")[1]), whole_or_none(value_at(payload, "pages"))
    if page >= (pages or 1):
        return ()
    return (Request(key=f"types/{page + 1}", url=f"{URL}&page={page + 1}"),)


def parse(payload: Payload) -> Iterator[Row]:
    """Yield the base offer of each GPU type, without region, and one for each dearer region."""
    rows = [row for row in objects_at(payload, "data") if row.get("gpus") != 0]
    return each_row(payload, rows, _offers)


def _offers(row: Mapping[str, Any]) -> Iterator[Row]:
    label = LABEL.fullmatch(row["label"])
    if label is None or int(label["count"]) != row["gpus"]:
        reason = f"{row['gpus']!r} GPUs, but the label says {row['label']!r}"
        yield Held(rule="gpu_count_disagrees", reason=reason, row=row)
        return
    for price in ({"id": None, **row["price"]}, *row.get("region_prices", ())):
        yield offer_or_held(
            row,
            price=price["hourly"],
            provider_id="linode",
            sku=row["id"],
            gpu_name_printed=FULL_NAMES.get(label["gpu"], label["gpu"]),
            gpu_count=row["gpus"],
            currency="USD",
            price_basis="instance",
            price_unit="hour",
            purchase_model="on_demand",
            market_tier="neocloud",
            region=price["id"],
            vcpu_count=decimal_or_none(row["vcpus"]),
            memory_bytes=row["memory"] * MEBIBYTE,
        )


SOURCE = Source(
    source_id="linode",
    title="Linode types",
    kind="api",
    homepage_url="https://www.linode.com/pricing/",
    terms_url="https://www.linode.com/legal-tos/",
    credit="Prices: Akamai (Linode)",
    allowed_hosts=("api.linode.com",),
    requests=requests,
    parse=parse,
    parser_version=1,
    expected_rows=(5, 200),
    follow=follow,
    currency="USD",
    price_basis="instance",
    price_unit="hour",
    known_gpus=frozenset({"RTX4000 Ada"}),
)
