"""Oracle's price list: one price per GPU for all commercial regions, matched by part number.

The list holds look-alikes: VMware nodes, Cloud@Customer, Roving Edge (a day), NVIDIA AI Enterprise
(a licence), and "H100T". A GPU row is one of category ``Compute - GPU`` sold by the GPU hour; its
part number says which shape it is. Preemptible capacity is half the price by rule and not a row:
a rule is not an observation, so none is made up here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from pipelines.sources.base import (
    NO_ACCELERATOR,
    Held,
    OutOfScope,
    Payload,
    ReadRow,
    Row,
    Source,
    one_request,
)
from pipelines.sources.fields import each_row, gigabytes_to_bytes, objects_at, offer_or_held

URL = "https://apexapps.oracle.com/pls/apex/cetools/api/v1/products/?currencyCode=USD"
LICENCE_WORDS = ("AI Enterprise",)


@dataclass(frozen=True)
class Part:
    """What a part number is, from the table of GPU shapes."""

    gpu: str
    gigabytes: int  # of one GPU
    form_factor: str | None = None


# https://docs.oracle.com/en-us/iaas/Content/Compute/References/computeshapes.htm (2026-11-21):
# the shape that each part bills, its GPU and the memory of one GPU.
PARTS = {
    "B88517": Part("P100", 16),  # BM.GPU2.2
    "B88518": Part("P100", 16),  # VM.GPU2.1
    "B89734": Part("V100-SXM2-16GB", 16, "SXM"),  # BM.GPU3.8
    "B92740": Part("A100-SXM4-40GB", 40, "SXM"),  # BM.GPU4.8 (E3 hosts)
    "B93544": Part("A100-SXM4-40GB", 40, "SXM"),  # BM.GPU4.8 (E4 hosts)
    "B95907": Part("A100-SXM4-80GB", 80, "SXM"),  # BM.GPU.A100-v2.8
    "B95909": Part("A10", 24, "PCIe"),  # VM.GPU.A10.1 and larger
    "B98415": Part("H100 SXM", 80, "SXM"),  # BM.GPU.H100.8
    "B109479": Part("L40S", 48, "PCIe"),  # BM.GPU.L40S.4
    "B109485": Part("MI300X", 192, "OAM"),  # BM.GPU.MI300X.8
    "B110519": Part("H200", 141, "SXM"),  # BM.GPU.H200.8
    "B110978": Part("B200", 180, "SXM"),  # BM.GPU.B200.8
    "B110979": Part("GB200", 186),  # BM.GPU.GB200.4
    "B111758": Part("MI355X", 288, "OAM"),  # BM.GPU.MI355X.8
    "B112140": Part("GB300", 288),  # BM.GPU.GB300.4
    "B112237": Part("B300", 288, "SXM"),  # BM.GPU.B300.8
    "B112613": Part("RTX PRO 6000 Server Edition", 96, "PCIe"),  # BM.GPU.RTXPRO.8
}


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield one offer for each GPU part; look-alikes and unknown GPU parts are held."""
    yield from each_row(payload, objects_at(payload, "items"), lambda item: [_offer(item)])


def _offer(item: Mapping[str, Any]) -> Row:
    number, name = item["partNumber"], item["displayName"]
    category, metric = item.get("serviceCategory"), item.get("metricName")
    if number not in PARTS and "GPU" not in f"{name} {metric}":
        return OutOfScope(NO_ACCELERATOR)
    if (
        category != "Compute - GPU"
        or metric != "GPU Per Hour"
        or any(word in name for word in LICENCE_WORDS)
    ):
        reason = f"{name!r} ({category}, {metric}) is not the rent of a GPU"
        return Held(rule="look_alike", reason=reason, row=item)
    if number not in PARTS:
        reason = f"part {number}, {name!r}, is not in the table of GPU shapes"
        return Held(rule="part_unknown", reason=reason, row=item)
    prices = [
        price.get("value")
        for localization in item["currencyCodeLocalizations"]
        if localization.get("currencyCode") == "USD"
        for price in localization["prices"]
        if price.get("model") == "PAY_AS_YOU_GO"
    ]
    if len(prices) != 1:
        reason = f"{len(prices)} pay-as-you-go prices in USD"
        return Held(rule="price_missing" if not prices else "price_tiers", reason=reason, row=item)
    part = PARTS[number]
    return offer_or_held(
        item,
        price=prices[0],
        provider_id="oci",
        sku=number,
        gpu_name_printed=part.gpu,
        gpu_count=1,
        currency="USD",
        price_basis="gpu",
        price_unit="hour",
        purchase_model="on_demand",
        market_tier="hyperscaler",
        gpu_memory_bytes=gigabytes_to_bytes(part.gigabytes),
        form_factor=part.form_factor,
        offer_url="https://www.oracle.com/cloud/price-list/",
    )


SOURCE = Source(
    source_id="oci",
    title="Oracle Cloud price list, GPU parts",
    kind="api",
    homepage_url="https://www.oracle.com/cloud/price-list/",
    terms_url="https://www.oracle.com/legal/terms/",
    licence="terms",
    credit="Prices: Oracle Cloud price list",
    may_redistribute=False,
    allowed_hosts=("apexapps.oracle.com",),
    requests=one_request("products", URL),
    parse=parse,
    row_of_answer="element of items",
    parser_version=1,
    verified_with="excerpt",
    verified_on=date(2026, 8, 14),
    expected_rows=(8, 60),
    currency="USD",
    price_basis="gpu",
    price_unit="hour",
    known_gpus=frozenset({"H100 SXM", "A100-SXM4-80GB", "L40S"}),
)
