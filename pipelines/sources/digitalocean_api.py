"""DigitalOcean's sizes: droplets with GPUs, US dollars per instance and hour.

``gpu_info.vram.amount`` is the total of the droplet: 1536 GiB are eight MI300X, not one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from pipelines.sources.base import (
    NO_ACCELERATOR,
    Fetching,
    Held,
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
    gibibytes_to_bytes,
    mebibytes_to_bytes,
    objects_at,
    offer_or_held,
    part_of,
    value_at,
    whole_or_none,
    yes_or_no,
)

KEY = "DIGITALOCEAN_TOKEN"
PAGE_SIZE = 200


def _request(page: int, secret: Mapping[str, str]) -> Request:
    url = f"https://api.digitalocean.com/v2/sizes?per_page={PAGE_SIZE}&page={page}"
    return Request(key=f"sizes/{page}", url=url, secret_headers=secret)


def requests(fetching: Fetching) -> Sequence[Request]:
    """Return the first page."""
    return (_request(1, {"Authorization": f"Bearer {fetching.environment.get(KEY, '')}"}),)


def follow(request: Request, payload: Payload) -> Sequence[Request]:
    """Return the next page, where the answer links one."""
    if not value_at(payload, "links", "pages", "next"):
        return ()
    return (_request(int(request.key.split("/")[1]) + 1, request.secret_headers),)


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield one offer for each droplet size with GPUs and region."""
    return each_row(payload, objects_at(payload, "sizes"), _offers)


def _offers(row: Mapping[str, Any]) -> Iterator[Row]:
    gpu = row.get("gpu_info")
    if not gpu:
        yield OutOfScope(NO_ACCELERATOR)
        return
    total, unit = (part_of(gpu, "vram", name) for name in ("amount", "unit"))
    if total is not None and unit != "gib":
        yield Held(rule="unit_unknown", reason=f"memory in {unit!r}", row=row)
        return
    memory, count = decimal_or_none(total), whole_or_none(gpu["count"])
    for region in row["regions"] or (None,):
        yield offer_or_held(
            row,
            price=row["price_hourly"],
            provider_id="digitalocean",
            sku=row["slug"],
            gpu_name_printed=gpu["model"],
            gpu_count=gpu["count"],
            currency="USD",
            price_basis="instance",
            price_unit="hour",
            purchase_model="on_demand",
            market_tier="neocloud",
            region=region,
            gpu_memory_bytes=gibibytes_to_bytes(memory / count) if memory and count else None,
            vcpu_count=decimal_or_none(row.get("vcpus")),
            memory_bytes=mebibytes_to_bytes(row.get("memory")),
            is_available=False
            if region is None or yes_or_no(row.get("available")) is False
            else None,
        )


SOURCE = Source(
    source_id="digitalocean_api",
    title="DigitalOcean sizes",
    kind="api",
    homepage_url="https://www.digitalocean.com/pricing/gpu-droplets",
    terms_url="https://www.digitalocean.com/legal/terms-of-service-agreement",
    credit="Prices: DigitalOcean",
    allowed_hosts=("api.digitalocean.com",),
    requests=requests,
    parse=parse,
    row_of_answer="element of sizes",
    parser_version=1,
    verified_with="excerpt",
    verified_on=date(2025, 12, 1),
    expected_rows=(4, 200),
    max_bytes=four_times(852),
    follow=follow,
    currency="USD",
    price_basis="instance",
    price_unit="hour",
    known_gpus=frozenset({"nvidia_h100", "amd_mi300x"}),
    key_environment=KEY,
)
