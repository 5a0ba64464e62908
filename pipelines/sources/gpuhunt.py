"""dstack's gpuhunt catalogue, version 3: one zipped CSV a cloud, whole machines in US dollars.

Older catalogues stay at their addresses: ``v3/<cloud>/<version>``, before 2026-08-19 one archive of
all clouds at ``v2/<version>``, and to 2024-06-12 at ``v1/<YYYYMMDD>``. A version is the day and the
number of the run that published it (``20250622-9376``), so the runs of its workflow list them; the
bucket itself cannot be listed.

A witness of clouds that need a key elsewhere. Its names are flat ("H100" is SXM and PCIe alike;
only the memory tells sizes apart), a TPU slice counts as one GPU with its size in the name, and a
price of Lambda or OCI that holds everywhere is repeated in every region.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple

from pipelines.sources.base import (
    MEBIBYTE,
    DatedFiles,
    Fetching,
    Held,
    Moment,
    Offer,
    OutOfScope,
    Payload,
    PurchaseModel,
    ReadRow,
    Request,
    Row,
    Source,
)
from pipelines.sources.dated_file import part_of
from pipelines.sources.documents import archive_of, csv_records, unzipped
from pipelines.sources.fields import decimal_or_none, each_row, gibibytes_to_bytes, offer_or_held
from pipelines.sources.instance_types import instance_type
from pipelines.sources.providers import market_tier, provider_id
from pipelines.sources.skypilot_format import TPU_CHIP_GIBIBYTES, TPU_CORES_PER_CHIP

BUCKET_URL = "https://dstack-gpu-pricing.s3.eu-west-1.amazonaws.com"
BASE_URL = f"{BUCKET_URL}/v3"
RUNS_URL = "https://api.github.com/repos/dstackai/gpuhunt/actions/workflows/catalogs.yml/runs"
TOKEN = "GITHUB_TOKEN"  # optional: without it GitHub answers 60 lists an hour
V1_DAYS = (date(2024, 1, 1), date(2024, 6, 12))
V3_SINCE = date(2026, 8, 19)
WHOLE = "catalog"  # the key of an archive of all clouds
FORMER_NAMES = {"datacrunch": "verda"}
CLOUDS = ("aws", "azure", "cloudrift", "gcp", "lambdalabs", "nebius", "oci", "runpod", "verda")
NEEDED = {"instance_name", "location", "price", "gpu_count", "gpu_name", "gpu_memory", "spot"}
TABLED_CLOUDS = {"aws", "azure", "gcp"}
SPOT = {"True": "spot", "False": "on_demand"}
TPU = re.compile(r"^(?:tpu-)?(?P<version>v\d{1,3}[a-z]{0,8})-(?P<size>\d{1,6})$")
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


def version_lists(
    since: date, until: date, every: str, environment: Mapping[str, str]
) -> Iterator[Request]:
    """Yield the requests that list the versions of some days, oldest first.

    GitHub lists the newest first, 100 a page: four days of an hourly job, or the end of a week or
    month. What v1 holds needs no list.
    """
    token = environment.get(TOKEN)
    day = max(since, V1_DAYS[1] + timedelta(days=1))
    while day <= until:
        if every == "month":
            last = (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
        elif every == "week":
            last = day + timedelta(days=6 - day.weekday())
        else:
            last = day + timedelta(days=3)
        last = min(last, until)
        yield Request(
            key=f"runs {day}",
            url=f"{RUNS_URL}?per_page=100&created={day.isoformat()}..{last.isoformat()}",
            secret_headers={"Authorization": f"Bearer {token}"} if token else {},
        )
        day = last + timedelta(days=1)


def versions(
    runs: Sequence[Mapping[str, Any]], since: date, until: date
) -> list[tuple[datetime, tuple[Request, ...]]]:
    """Return when each version was made and how it is asked for, oldest first.

    Parameters
    ----------
    runs : sequence of mapping
        What GitHub says of the runs: ``run_number, created_at, status, conclusion``.
    since, until : date
        The days wanted, both included.
    """
    found: list[tuple[datetime, tuple[Request, ...]]] = []
    day = max(since, V1_DAYS[0])
    while day <= min(until, V1_DAYS[1]):
        at = datetime.combine(day, time(), UTC)
        url = f"{BUCKET_URL}/v1/{day:%Y%m%d}/catalog.zip"
        found.append((at, (Request(key=WHOLE, url=url),)))
        day += timedelta(days=1)
    for run in runs:
        at = datetime.fromisoformat(run["created_at"]).astimezone(UTC)
        version = f"{at:%Y%m%d}-{run['run_number']}"
        if at.date() < V3_SINCE:
            asked = [Request(key=WHOLE, url=f"{BUCKET_URL}/v2/{version}/catalog.zip")]
            is_there = run["conclusion"] == "success"
        else:  # a run in which one cloud failed has published the others
            asked = [
                Request(key=c, url=f"{BASE_URL}/{c}/{version}/catalog.zip", is_optional=True)
                for c in CLOUDS
            ]
            is_there = run["status"] == "completed"
        if is_there:
            found.append((at, tuple(asked)))
    return sorted(found, key=lambda version: version[0])


def parts(payload: Payload, at: datetime) -> Iterator[Moment]:
    """Yield the clouds of an archive of all of them, each a scope as in version 3."""
    with archive_of(payload) as archive:
        for name in sorted(archive.namelist()):
            if name.endswith(".csv"):
                cloud = name.removesuffix(".csv")
                yield Moment(part=cloud, scope=FORMER_NAMES.get(cloud, cloud), at=at)


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield the offers of the cloud that the key names, one for each price."""
    cloud = part_of(payload) or payload.key
    reader = csv_records(replace(payload, content=unzipped(payload, f"{cloud}.csv")), NEEDED)
    provider = provider_id(FORMER_NAMES.get(cloud, cloud))
    rows = list(each_row(payload, reader, lambda row: [_offer(row, provider)]))
    yield from _one_a_price(rows)


def _offer(row: Mapping[str, str], provider: str) -> Row:
    name, gpu, count = row["instance_name"], row["gpu_name"], decimal_or_none(row["gpu_count"])
    if row["gpu_count"] in ("0", ""):
        return OutOfScope("no GPU")
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


def _one_a_price(rows: Sequence[ReadRow]) -> Iterator[ReadRow]:
    """Yield the rows with one offer for each price.

    Prices of Lambda, OCI and RunPod repeat in every region. Zones of a region may differ in spot:
    the cheapest is what the region offers.
    """
    places: dict[_Kind, dict[str | None, Offer]] = defaultdict(dict)
    for offer in (one for row in rows for one in row.found if isinstance(one, Offer)):
        cheapest = places[_kind(offer)].setdefault(offer.region, offer)
        if offer.price_amount < cheapest.price_amount:
            places[_kind(offer)][offer.region] = offer
    everywhere: dict[_Kind, Offer] = {}
    for kind, regions in places.items():
        first, *rest = regions.values()
        is_tariff = first.market_tier == "hyperscaler" and first.provider_id != "oci"
        if rest and not is_tariff and all(o.price_amount == first.price_amount for o in rest):
            everywhere[kind] = replace(first, region=None)

    def chosen(offer: Offer, row: ReadRow) -> Offer | Held:
        cheapest = places[_kind(offer)][offer.region]
        if offer.price_amount > cheapest.price_amount:
            reason = f"{offer.price_amount}; another zone of {offer.region} asks less"
            return Held(rule="dearer_zone", reason=reason, row=row.printed)
        return everywhere.get(_kind(offer), cheapest)

    for row in rows:
        found = (chosen(one, row) if isinstance(one, Offer) else one for one in row.found)
        yield ReadRow(row.printed, tuple(found))


def _kind(offer: Offer) -> _Kind:
    return _Kind(offer.sku, offer.gpu_name_printed, offer.gpu_count, offer.purchase_model)


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
    row_of_answer="line of the cloud's CSV",
    parser_version=1,
    expected_rows=(200, 60000),
    max_bytes=32 * MEBIBYTE,  # an archive
    past=DatedFiles(
        first_day=V1_DAYS[0],
        list_host="api.github.com",
        list_field="workflow_runs",
        lists=version_lists,
        versions=versions,
        parts=parts,
    ),
    currency="USD",
    price_basis="instance",
    price_unit="hour",
    known_gpus=frozenset({"nvidia-l4", "H100"}),
    requests_per_second=4.0,
)
