"""Mithril: auctions of instances; the last price that cleared, as text with a dollar sign.

The auctions name an instance type by id only, so the first answer lists the types and every type
then asks for its auctions: its GPUs travel in the request's key.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from pipelines.sources.base import (
    Fetching,
    Held,
    OutOfScope,
    ParseError,
    Payload,
    ReadRow,
    Request,
    Row,
    Source,
)
from pipelines.sources.fields import (
    any_free,
    each_row,
    gigabytes_to_bytes,
    objects_at,
    offer_or_held,
)

KEY = "MITHRIL_API_KEY"
HOST = "https://api.mithril.ai"
KEY_FIELDS = ("fid", "num_gpus", "gpu_type", "gpu_memory_gb")


def requests(fetching: Fetching) -> Sequence[Request]:
    """Return the list of instance types."""
    secret = {"Authorization": f"Bearer {fetching.environment.get(KEY, '')}"}
    return (Request(key="types", url=f"{HOST}/v2/instance-types", secret_headers=secret),)


def follow(request: Request, payload: Payload) -> Sequence[Request]:
    """Return one request for the auctions of each instance type that has GPUs."""
    if request.key != "types":
        return ()
    return [
        Request(
            key="|".join(str(row.get(field) or "") for field in KEY_FIELDS),
            url=f"{HOST}/v2/spot/availability?instance_type={row['fid']}",
            secret_headers=request.secret_headers,
        )
        for row in objects_at(payload)
        if row.get("fid") and row.get("num_gpus") and row.get("gpu_type")
    ]


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield one spot offer for each region in which the key's instance type is auctioned."""
    rows = objects_at(payload)
    if payload.key == "types":
        return each_row(payload, rows, lambda row: [OutOfScope("a type, not a price")])
    if payload.key.count("|") != 3:
        raise ParseError(f"{payload.where()}: the key is not type|count|GPU|gigabytes")
    return each_row(payload, rows, partial(_offers, payload.key.split("|")))


def _offers(instance: Sequence[str], row: Mapping[str, Any]) -> Iterator[Row]:
    instance_type, count, gpu, gigabytes = instance
    if row["instance_type"] != instance_type:
        yield OutOfScope("asked for under another key")
        return
    price = row["last_instance_price"]
    if isinstance(price, str) and not price.startswith("$"):
        yield Held(rule="currency_unknown", reason=f"price is {price!r}", row=row)
        return
    yield offer_or_held(
        row,
        price=price.removeprefix("$") if isinstance(price, str) else price,
        provider_id="mithril",
        sku=instance_type,
        gpu_name_printed=gpu,
        gpu_count=count,
        currency="USD",
        price_basis="instance",
        price_unit="hour",
        purchase_model="spot",
        market_tier="neocloud",
        region=row["region"],
        gpu_memory_bytes=gigabytes_to_bytes(gigabytes),
        is_available=any_free(row.get("capacity")),
    )


SOURCE = Source(
    source_id="mithril",
    title="Mithril spot auctions",
    kind="api",
    homepage_url="https://mithril.ai",
    terms_url="https://mithril.ai",
    credit="Prices: Mithril",
    allowed_hosts=("api.mithril.ai",),
    requests=requests,
    parse=parse,
    row_of_answer="element of the answer",
    parser_version=1,
    expected_rows=(2, 200),
    follow=follow,
    currency="USD",
    price_basis="instance",
    price_unit="hour",
    key_environment=KEY,
)
