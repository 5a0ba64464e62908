"""Acme's public price list: US dollars per instance and hour. Copy this file to add a source.

Say here whose prices these are, what they are for, and what is unusual about them. A name that
starts with ``_`` is not discovered: the copy is a source as soon as it has the name
``<source_id>.py``, its fixtures, and a ``source_id`` equal to its name (docs/how-to/source.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipelines.sources.base import (
    NO_ACCELERATOR,
    TERMS_UNREAD,
    Held,
    OutOfScope,
    Payload,
    ReadRow,
    Row,
    Source,
    one_request,
)
from pipelines.sources.fields import (
    each_row,
    gibibytes_to_bytes,
    objects_at,
    offer_or_held,
    whole_or_none,
)

URL = "https://api.acme.example/v1/instances"


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield one offer for each instance type with GPUs.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> from pipelines.sources.base import records
    >>> saved = b'{"instances": [{"id": "h100x8", "gpu": "H100 SXM", "gpus": 8, "usd": "23.92"}]}'
    >>> payload = Payload(source_id="_template", key="instances", url=URL, content=saved,
    ...                   sha256="", seen_at=datetime(2026, 1, 1, tzinfo=UTC))
    >>> [(offer.sku, offer.gpu_count, str(offer.price_amount)) for offer in records(parse(payload))]
    [('h100x8', 8, '23.92')]
    """
    # ParseError if there is no such list: then the source has changed, not a row.
    # A row that lacks a field is held with the rule ``shape_changed``; the others are kept.
    yield from each_row(payload, objects_at(payload, "instances"), _offers)


def _offers(row: Mapping[str, Any]) -> Iterator[Row]:
    if not row["gpu"]:
        yield OutOfScope(NO_ACCELERATOR)  # counted by its reason
        return
    # Hold what is not an offer of whole GPUs. Never drop it.
    if whole_or_none(row["gpus"]) is None:
        yield Held(rule="fractional_gpu", reason=f"{row['gpus']} of a {row['gpu']}", row=row)
        return
    yield offer_or_held(
        row,
        price=row["usd"],  # as printed; normalised later, in SQL
        provider_id="acme",
        sku=row["id"],  # the source's own id, stable over days
        gpu_name_printed=row["gpu"],  # as printed; core.gpu_alias says which GPU it is
        gpu_count=row["gpus"],
        currency="USD",
        price_basis="instance",  # or "gpu", where one GPU is priced
        price_unit="hour",
        purchase_model="on_demand",
        market_tier="neocloud",
        region=row.get("region"),  # None: one price everywhere, or not stated
        memory_bytes=gibibytes_to_bytes(row.get("memory_gib")),
    )


SOURCE = Source(
    source_id="_template",
    title="Acme instances",
    kind="api",
    homepage_url="https://acme.example/pricing",
    terms_url="https://acme.example/terms",
    credit="Prices: Acme",
    allowed_hosts=("api.acme.example",),
    requests=one_request("instances", URL),
    parse=parse,
    row_of_answer="element of instances",
    parser_version=1,  # raise it when the same bytes give other rows
    expected_rows=(1, 100),
    currency="USD",
    price_basis="instance",
    price_unit="hour",
    known_gpus=frozenset({"H100 SXM"}),
    disabled_reason=TERMS_UNREAD,  # remove it once the terms are read
)
