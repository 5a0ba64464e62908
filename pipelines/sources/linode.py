"""Linode (Akamai): instance types with a base price, and higher prices for some regions.

A type with ``gpus`` 0 is not read, even where its label names an accelerator (NETINT Quadra
transcodes video). The label holds GPU, count and size: ``RTX4000 Ada x2 Small``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from pipelines.sources.base import (
    NO_ACCELERATOR,
    Held,
    OutOfScope,
    Payload,
    ReadRow,
    Request,
    Row,
    Source,
    four_times,
    one_request,
)
from pipelines.sources.fields import (
    decimal_or_none,
    each_row,
    mebibytes_to_bytes,
    objects_at,
    offer_or_held,
    value_at,
    whole_or_none,
)

URL = "https://api.linode.com/v4/linode/types?page_size=100"
# "RTX4000 Ada x2 Small", "Dedicated 64GB + RTX6000 GPU x2"
LABEL = re.compile(
    r"(?:Dedicated [^+]{1,40}\+ )?(?P<gpu>[^+]{1,60}?)(?: GPU)? x(?P<count>\d{1,4})\b[^+]{0,60}"
)
FULL_NAMES = {
    "RTX6000": "Quadro RTX 6000"
}  # the plans of 2019, https://www.linode.com/products/gpu/


def follow(request: Request, payload: Payload) -> Sequence[Request]:
    """Return the next page, where the answer counts more."""
    page, pages = int(request.key.split("/")[1]), whole_or_none(value_at(payload, "pages"))
    if page >= (pages or 1):
        return ()
    return (Request(key=f"types/{page + 1}", url=f"{URL}&page={page + 1}"),)


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield the base offer of each GPU type, and one for each region with a higher price."""
    return each_row(payload, objects_at(payload, "data"), _offers)


def _offers(row: Mapping[str, Any]) -> Iterator[Row]:
    if row["gpus"] == 0 and not isinstance(row["gpus"], bool):
        yield OutOfScope(NO_ACCELERATOR)
        return
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
            vcpu_count=decimal_or_none(row.get("vcpus")),
            memory_bytes=mebibytes_to_bytes(row.get("memory")),
        )


SOURCE = Source(
    source_id="linode",
    title="Linode types",
    kind="api",
    homepage_url="https://www.linode.com/pricing/",
    terms_url="https://www.linode.com/legal-tos/",
    credit="Prices: Akamai (Linode)",
    allowed_hosts=("api.linode.com",),
    requests=one_request("types/1", URL),
    parse=parse,
    row_of_answer="element of data",
    parser_version=1,
    verified_with="whole",
    verified_on=date(2024, 7, 19),
    expected_rows=(5, 200),
    max_bytes=four_times(19_677),
    follow=follow,
    currency="USD",
    price_basis="instance",
    price_unit="hour",
    known_gpus=frozenset({"RTX4000 Ada"}),
)
