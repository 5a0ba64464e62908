"""Google's billing catalogue: parts of machines, summed to machines where every part is there.

A GPU's price is not a machine's: A2 and G2 machines are GPUs + vCPUs + memory of one region and one
way to buy. A4 slices hold the whole machine's share. GPUs whose machine also has local disks (A3,
A2 ultra) or a host of the buyer's choice (T4, V100, P100, P4) are held, as are GPUs whose vCPUs or
memory are not in the answer. Commitments, DWS, reservations and licences are not machines.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Any

from pipelines.sources.base import (
    NO_ACCELERATOR,
    Fetching,
    Held,
    Offer,
    OutOfScope,
    ParseError,
    Payload,
    PurchaseModel,
    ReadRow,
    Request,
    Row,
    Source,
)
from pipelines.sources.fields import (
    decimal_or_none,
    each_row,
    gibibytes_to_bytes,
    objects_in,
    offer_or_held,
    price_or_held,
    value_at,
)

KEY = "GCP_API_KEY"
URL = "https://cloudbilling.googleapis.com/v1/services/6F81-5844-456A/skus?pageSize=5000"
HOST_PART = re.compile(
    r"(?P<spot>Spot Preemptible )?(?P<host>\w{1,40}) Instance (?P<part>Core|Ram) .{0,300}"
)
GPU = re.compile(
    r"(?P<gpu>.{1,60}?) GPU(?P<spot> attached to Spot Preemptible VMs)? (?:running )?in "
)
SLICE = re.compile(r"(?P<spot>Spot Preemptible )?(?P<gpu>A4 Nvidia B200 \(1 gpu slice\))")
NO_MACHINE = re.compile(
    r"Commitment|Reserved|Licensing Fee|DWS|Sole Tenancy|Virtual Workstation|vWS"
)
SLICE_GPUS = 8  # A4 machines hold eight
# Machine, GPUs, vCPUs, GiB: https://cloud.google.com/compute/docs/accelerator-optimized-machines
A2 = [(f"a2-highgpu-{n}g", n, 12 * n, 85 * n) for n in (1, 2, 4, 8)]
G2 = [
    *((f"g2-standard-{n}", 1, n, 4 * n) for n in (4, 8, 12, 16, 32)),
    *((f"g2-standard-{24 * n}", 2 * n, 24 * n, 96 * n) for n in (1, 2, 4)),
]
MACHINES = {
    "Nvidia Tesla A100": ("A2", [*A2, ("a2-megagpu-16g", 16, 96, 1360)]),
    "Nvidia L4": ("G2", G2),
}
PartKey = tuple[str, str, PurchaseModel, str]  # host, part, how it is bought, region
Parts = Mapping[PartKey, Decimal]


def requests(fetching: Fetching) -> Sequence[Request]:
    """Return the first page."""
    secret = {"key": fetching.environment.get(KEY, "")}
    return (Request(key="skus/1", url=URL, secret_query=secret),)


def follow(request: Request, payload: Payload) -> Sequence[Request]:
    """Return the next page, where the answer names one."""
    token, page = value_at(payload, "nextPageToken"), int(request.key.split("/")[1])
    if not isinstance(token, str) or not token:
        return ()
    url = f"{URL}&pageToken={token}"
    return (Request(key=f"skus/{page + 1}", url=url, secret_query=request.secret_query),)


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield one offer for each machine, region and way to buy whose parts are all priced."""
    document = payload.json()
    pages = document if isinstance(document, list) else [document]
    skus: list[dict[str, Any]] = []
    for page in pages:
        listed = page.get("skus") if isinstance(page, dict) else None
        if not isinstance(listed, list) or (listed and not any(map(_is_described, listed))):
            raise ParseError(f"{payload.where()}: no described 'skus'; did the catalogue change?")
        skus += objects_in(listed)
    parts = dict(_host_parts([sku for sku in skus if _is_described(sku)]))
    sums: defaultdict[PartKey, list[Offer]] = defaultdict(list)
    for row in list(each_row(payload, skus, partial(_read, parts, sums))):
        yield row if row.found else replace(row, found=tuple(_of_host_part(row.printed, sums)))


def _read(
    parts: Parts, sums: defaultdict[PartKey, list[Offer]], sku: Mapping[str, Any]
) -> Iterator[Row]:
    """Yield what a SKU is; nothing for a part of a host, whose sums are not known yet."""
    description = sku["description"]
    if NO_MACHINE.search(description):
        yield OutOfScope("a commitment, a reservation or a licence")
    elif SLICE.match(description) or GPU.match(description):
        yield from _offers(parts, sums, sku)
    elif HOST_PART.fullmatch(description) is None:
        yield OutOfScope(NO_ACCELERATOR)


def _of_host_part(sku: Mapping[str, Any], sums: Mapping[PartKey, list[Offer]]) -> Iterator[Row]:
    """Yield the offers that vCPUs or memory are a part of, or why they are of none."""
    match = HOST_PART.fullmatch(sku["description"])
    assert match is not None
    if match["host"] not in {host for host, _ in MACHINES.values()}:
        yield OutOfScope("vCPUs or memory of a machine without GPUs")
        return
    keys = [(match["host"], match["part"], _purchase_model(match), r) for r in _regions(sku)]
    offers = [offer for key in keys for offer in sums.get(key, ())]
    yield from offers
    if not offers:
        reason = f"no GPU is priced with {sku['description']!r}"
        yield Held(rule="host_without_gpu", reason=reason, row=sku)


def _is_described(sku: object) -> bool:
    return isinstance(sku, dict) and isinstance(sku.get("description"), str)


def _purchase_model(match: re.Match[str]) -> PurchaseModel:
    # The description decides: B200 spot SKUs have been tagged OnDemand in usageType.
    return "spot" if match["spot"] else "on_demand"


def _price(sku: Mapping[str, Any]) -> tuple[object, str]:
    """Return the price of one unit as printed, units and nanos together, and the unit."""
    expression = sku["pricingInfo"][0]["pricingExpression"]
    first, *others = expression["tieredRates"] or [{}]
    if others:
        raise LookupError("a price by tiers")
    money = first["unitPrice"]
    units, nanos = decimal_or_none(money["units"]), decimal_or_none(money["nanos"])
    if units is None or nanos is None or units < 0 or nanos < 0 or money["currencyCode"] != "USD":
        return str(money), expression["usageUnit"]
    return units + nanos / 10**9, expression["usageUnit"]


def _regions(sku: Mapping[str, Any]) -> list[Any]:
    regions = sku.get("serviceRegions")
    return regions if isinstance(regions, list) and all(isinstance(r, str) for r in regions) else []


def _host_parts(
    skus: Sequence[Mapping[str, Any]],
) -> Iterator[tuple[PartKey, Decimal]]:
    for sku in skus:
        match = HOST_PART.fullmatch(sku["description"])
        if match is None or NO_MACHINE.search(sku["description"]):
            continue
        try:
            price, unit = _price(sku)
        except (LookupError, TypeError, ValueError):
            continue  # a part that cannot be read is missing in its sums, which are then held
        if isinstance(price, Decimal) and price > 0 and unit in ("h", "GiBy.h"):
            for region in _regions(sku):
                yield (match["host"], match["part"], _purchase_model(match), region), price


def _offers(
    parts: Parts, sums: defaultdict[PartKey, list[Offer]], row: Mapping[str, Any]
) -> Iterator[Row]:
    description = row["description"]
    match = SLICE.match(description) or GPU.match(description)
    printed, unit = _price(row)
    price = price_or_held(printed, row)
    regions = _regions(row) or [None]
    if match is None or isinstance(price, Held) or unit != "h":
        reason = f"priced by {unit!r}"
        yield (
            price if isinstance(price, Held) else Held(rule="unit_unknown", reason=reason, row=row)
        )
        return
    if SLICE.match(description):
        machines = [("a4-highgpu-8g", SLICE_GPUS, 0, 0)]
        host = ""
    else:
        host, machines = MACHINES.get(match["gpu"], ("", []))
    for region in regions:
        rates = {
            part: parts.get((host, part, _purchase_model(match), str(region)))
            for part in ("Core", "Ram")
        }
        core, ram = rates["Core"], rates["Ram"]
        if not machines or (host and (core is None or ram is None)):
            missing = [part for part in rates if rates[part] is None] if machines else ["host"]
            reason = f"{' and '.join(missing)} not priced for {match['gpu']} in {region}"
            yield Held(rule="sum_incomplete", reason=reason, row=row)
            continue
        for name, count, vcpus, gibibytes in machines:
            offer = offer_or_held(
                row,
                price=count * price + vcpus * (core or 0) + gibibytes * (ram or 0),
                provider_id="gcp",
                sku=name,
                gpu_name_printed=match["gpu"],
                gpu_count=count,
                currency="USD",
                price_basis="instance",
                price_unit="hour",
                purchase_model=_purchase_model(match),
                market_tier="hyperscaler",
                region=region,
                vcpu_count=Decimal(vcpus) if vcpus else None,
                memory_bytes=gibibytes_to_bytes(gibibytes),
            )
            yield offer
            if isinstance(offer, Offer) and host:
                for part in rates:
                    sums[host, part, _purchase_model(match), str(region)].append(offer)


SOURCE = Source(
    source_id="gcp_billing",
    title="Google Cloud billing catalogue",
    kind="api",
    homepage_url="https://cloud.google.com/compute/all-pricing",
    terms_url="https://cloud.google.com/terms",
    credit="Prices: Google Cloud",
    allowed_hosts=("cloudbilling.googleapis.com",),
    requests=requests,
    parse=parse,
    row_of_answer="element of skus, on every page",
    parser_version=1,
    expected_rows=(100, 3000),
    max_bytes=4 * 5000 * 1500,  # four times a page of 5,000 SKUs of 1.5 kB
    follow=follow,
    currency="USD",
    price_basis="instance",
    price_unit="hour",
    known_gpus=frozenset({"Nvidia Tesla A100", "Nvidia L4"}),
    key_environment=KEY,
    joins_pages=True,
)
