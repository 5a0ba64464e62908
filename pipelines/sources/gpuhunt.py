"""dstack's gpuhunt catalogue, version 3: one zipped CSV a cloud, whole machines in US dollars.

A witness of clouds that need a key elsewhere. Its names are flat ("H100" is SXM and PCIe alike;
only the memory tells sizes apart), a TPU slice counts as one GPU with its size in the name, and a
price that Lambda or OCI ask everywhere stands in every region.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from pipelines.sources.base import (
    MEBIBYTE,
    Fetching,
    Held,
    Offer,
    ParseError,
    Payload,
    PurchaseModel,
    Request,
    Row,
    Source,
    decimal_or_none,
    each_row,
    gibibytes_to_bytes,
    offer_or_held,
)
from pipelines.sources.instance_types import instance_type
from pipelines.sources.providers import market_tier, provider_id
from pipelines.sources.skypilot_format import TPU_CHIP_GIBIBYTES, TPU_CORES_PER_CHIP

BASE_URL = "https://dstack-gpu-pricing.s3.eu-west-1.amazonaws.com/v3"
CLOUDS = ("aws", "azure", "cloudrift", "gcp", "lambdalabs", "nebius", "oci", "runpod", "verda")
MAX_CSV_BYTES = 256 * MEBIBYTE
NEEDED = {"instance_name", "location", "price", "gpu_count", "gpu_name", "gpu_memory", "spot"}
TABLED_CLOUDS = {"aws", "azure", "gcp"}
SPOT = {"True": "spot", "False": "on_demand"}
TPU = re.compile(r"^(?:tpu-)?(?P<version>v\d+[a-z]*)-(?P<size>\d+)$")
ZONE = re.compile(r"-[a-z]$")
OTHER_SALES = re.compile(r"dws|calendar|flex", re.IGNORECASE)  # Google's scheduler: bought ahead


class _Kind(NamedTuple):
    """What is the same thing in another region."""

    sku: str
    gpu: str
    gpu_count: int
    purchase_model: PurchaseModel


def requests(fetching: Fetching) -> list[Request]:
    """Ask for each cloud's newest catalogue; one that is gone answers 404."""
    return [
        Request(key=cloud, url=f"{BASE_URL}/{cloud}/latest/catalog.zip", is_optional=True)
        for cloud in CLOUDS
    ]


def parse(payload: Payload) -> Iterator[Row]:
    """Yield the offers of the cloud that the key names, one for each price."""
    reader = csv.DictReader(io.StringIO(_unzipped(payload), newline=""))
    missing = sorted(NEEDED - set(reader.fieldnames or ()))
    if missing:
        raise ParseError(f"{payload.where()}: no column {missing}; did the format change?")
    provider = provider_id(payload.key)
    rows = [row for row in reader if row["gpu_count"] not in ("0", "")]
    offers: list[Offer] = []
    for found in each_row(payload, rows, lambda row: iter([_offer(row, provider)])):
        if isinstance(found, Offer):
            offers.append(found)
        else:
            yield found
    yield from _one_a_price(offers)


def _unzipped(payload: Payload) -> str:
    """Return the one CSV of the archive, unless it inflates beyond reason."""
    try:
        with zipfile.ZipFile(io.BytesIO(payload.content)) as archive:
            names = [info for info in archive.infolist() if info.filename.endswith(".csv")]
            if len(names) != 1 or names[0].file_size > MAX_CSV_BYTES:
                sizes = {info.filename: info.file_size for info in names}
                raise ParseError(f"{payload.where()}: one CSV is expected, there is {sizes}")
            with archive.open(names[0]) as file:
                content = file.read(MAX_CSV_BYTES + 1)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError) as error:
        raise ParseError(f"{payload.where()}: no zip archive: {error}") from error
    if len(content) > MAX_CSV_BYTES:
        raise ParseError(f"{payload.where()}: the archive says less than it holds")
    return replace(payload, content=content).text()


def _offer(row: Mapping[str, str], provider: str) -> Row:
    name, gpu, count = row["instance_name"], row["gpu_name"], decimal_or_none(row["gpu_count"])
    known = instance_type(provider, name) if provider in TABLED_CLOUDS else None
    memory = gibibytes_to_bytes(row["gpu_memory"])
    tpu = TPU.match(gpu)
    if OTHER_SALES.search(row.get("flags") or ""):
        return Held(rule="bought_ahead", reason=f"{name} is flagged {row['flags']}", row=row)
    if row["spot"] not in SPOT:
        return Held(rule="kind_unknown", reason=f"spot is {row['spot']!r}", row=row)
    if known and not known.is_whole:
        reason = f"{name} holds {known.gpu_count} of a GPU"
        return Held(rule="fractional_gpu", reason=reason, row=row)
    if known and known.gpu_count != count:
        reason = f"{count} GPUs are printed, {name} holds {known.gpu_count}"
        return Held(rule="gpu_count_disagrees", reason=reason, row=row)
    if tpu:
        if tpu["version"] not in TPU_CORES_PER_CHIP:
            return Held(rule="tpu_unknown", reason=f"{gpu}: cores or chips?", row=row)
        chips = max(1, int(tpu["size"]) // TPU_CORES_PER_CHIP[tpu["version"]])
        count = None if count is None else count * chips
        memory = TPU_CHIP_GIBIBYTES[tpu["version"]] * 2**30
    location = row["location"] or None
    return offer_or_held(
        row,
        price=row["price"],
        provider_id=provider,
        sku=name,
        gpu_name_printed=known.gpu if known else tpu["version"] if tpu else gpu,
        gpu_count=count,
        currency="USD",
        price_basis="instance",
        price_unit="hour",
        purchase_model=SPOT[row["spot"]],
        market_tier=market_tier(provider),
        region=ZONE.sub("", location) if provider == "gcp" and location else location,
        gpu_memory_bytes=known.gpu_memory_bytes if known else memory,
        vcpu_count=decimal_or_none(row.get("cpu")),
        memory_bytes=gibibytes_to_bytes(row.get("memory")),
        form_factor=known.form_factor if known else None,
    )


def _one_a_price(offers: list[Offer]) -> Iterator[Offer]:
    """Yield one offer for each price: Lambda's, OCI's and RunPod's stands in every region."""
    places: dict[_Kind, dict[str | None, Offer]] = defaultdict(dict)
    for offer in offers:
        kind = _Kind(offer.sku, offer.gpu_name_printed, offer.gpu_count, offer.purchase_model)
        other = places[kind].get(offer.region)
        # Zones of a region may differ in spot: the cheapest is what the region offers.
        if other is None or offer.price_amount < other.price_amount:
            places[kind][offer.region] = offer
    for regions in places.values():
        first, *rest = regions.values()
        is_tariff = first.market_tier == "hyperscaler" and first.provider_id != "oci"
        if rest and not is_tariff and all(o.price_amount == first.price_amount for o in rest):
            yield replace(first, region=None)
        else:
            yield from regions.values()


SOURCE = Source(
    source_id="gpuhunt",
    title="gpuhunt catalogue v3 (dstack)",
    kind="feed",
    homepage_url="https://github.com/dstackai/gpuhunt",
    terms_url="https://github.com/dstackai/gpuhunt/blob/main/LICENSE.md",
    licence="MPL-2.0",
    credit="gpuhunt catalogue by dstack (MPL-2.0), https://github.com/dstackai/gpuhunt",
    may_redistribute=False,
    allowed_hosts=("dstack-gpu-pricing.s3.eu-west-1.amazonaws.com",),
    requests=requests,
    parse=parse,
    parser_version=1,
    expected_rows=(200, 60000),
    currency="USD",
    price_basis="instance",
    price_unit="hour",
    known_gpus=frozenset({"nvidia-l4", "H100"}),
    requests_per_second=4.0,
)
