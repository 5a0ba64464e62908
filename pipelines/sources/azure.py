"""Azure's Retail Prices API: on demand, spot and reservations of the GPU series, all regions.

The API names no GPU: ``instance_types`` says what an armSkuName holds. One request a series and
as many pages as it has; a row is read under the series that its armSkuName begins with, so that a
filter which the server ignored gives no row twice. A reservation's price is of the whole term.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from pipelines.sources.base import (
    Fetching,
    Held,
    Offer,
    Payload,
    PurchaseModel,
    Request,
    Row,
    Source,
    decimal_or_none,
    each_row,
    objects_at,
    offer_or_held,
)
from pipelines.sources.instance_types import instance_type

URL = "https://prices.azure.com/api/retail/prices"
SERIES = {"nc": "Standard_NC", "nd": "Standard_ND", "ng": "Standard_NG", "nv": "Standard_NV"}
MAX_PAGES = 40  # of 1,000 rows, a series
DOUBTFUL = ("price_", "shape_", "type_", "unit_")  # rules of rows that may have been a price
TERM_MONTHS = {"1 Year": 12, "3 Years": 36, "5 Years": 60}
PLACEHOLDER = Decimal("0.01")  # [USD/h] of an instance: not a price of anything with a GPU


def requests(fetching: Fetching) -> list[Request]:
    """Ask for the first page of each GPU series."""
    return [
        Request(key=series, url=f"{URL}?$filter={quote(_filter(prefix))}")
        for series, prefix in SERIES.items()
    ]


def _filter(prefix: str) -> str:
    return (
        "serviceName eq 'Virtual Machines' and (priceType eq 'Consumption' or "
        f"priceType eq 'Reservation') and contains(armSkuName, '{prefix}')"
    )


def follow(request: Request, payload: Payload) -> list[Request]:
    """Ask for the page that this one links to; the page number is part of the key."""
    document = payload.json()
    link = document.get("NextPageLink") if isinstance(document, dict) else None
    series, _, page = request.key.partition(":")
    number = int(page or 1) + 1
    if not isinstance(link, str) or not link or number > MAX_PAGES:
        return []
    return [Request(key=f"{series}:{number}", url=link)]


@dataclass(frozen=True)
class _Found:
    offer: Offer
    starts_at: datetime
    item: Mapping[str, Any]

    @property
    def key(self) -> tuple[object, ...]:
        offer = self.offer
        return offer.sku, offer.region, offer.purchase_model, offer.commitment_months


def parse(payload: Payload) -> Iterator[Row]:
    """Yield the on-demand, spot and reserved offers of the page; all else of the series is held."""
    prefix = SERIES.get(payload.key.partition(":")[0], "Standard_N")
    items = [
        item
        for item in objects_at(payload, "Items")
        if str(item.get("armSkuName", prefix)).startswith(prefix)
    ]
    newest: dict[tuple[object, ...], _Found] = {}
    damaged: set[tuple[object, ...]] = set()
    captured_on = payload.captured_at.date()
    for row in each_row(payload, items, lambda item: _read(item, newest, captured_on)):
        yield row
        if isinstance(row, Held) and row.rule.startswith(DOUBTFUL):
            item = row.row
            machine = str(item.get("armSkuName")), str(item.get("armRegionName"))
            damaged.add((*machine, _purchase_model(item)))
    for found in newest.values():
        offer = found.offer
        # A price that cannot be read may have replaced this one; spot is compared with on demand.
        models = ["spot", "on_demand"] if offer.purchase_model == "spot" else [offer.purchase_model]
        if any((offer.sku, offer.region, model) in damaged for model in models):
            reason = f"another price of {offer.sku} in {offer.region} cannot be read"
            yield Held(rule="price_in_doubt", reason=reason, row=found.item)
            continue
        on_demand = newest.get((offer.sku, offer.region, "on_demand", None))
        if (
            offer.purchase_model == "spot"
            and on_demand
            and on_demand.offer.price_amount == offer.price_amount
        ):
            reason = f"spot is {offer.price_amount}, the price on demand: spot is not known"
            yield Held(rule="spot_equals_on_demand", reason=reason, row=found.item)
        else:
            yield offer


def _read(
    item: Mapping[str, Any], newest: dict[tuple[object, ...], _Found], captured_on: date
) -> Iterator[Row]:
    """Yield what is held of the item; what is kept goes into ``newest``, one price a key."""
    starts_at = datetime.fromisoformat(item["effectiveStartDate"])
    offer = _offer(item, starts_at, captured_on)
    if not isinstance(offer, Offer):
        yield offer
        return
    found = _Found(offer, starts_at, item)
    other = newest.get(found.key)
    if other is None or other.starts_at < starts_at:
        newest[found.key], found = found, other or found
    if other is not None:
        reason = f"a newer price of {offer.sku} in {offer.region} stands beside it"
        yield Held(rule="superseded", reason=reason, row=found.item)


def _offer(item: Mapping[str, Any], starts_at: datetime, captured_on: date) -> Row:
    name, kind = item["armSkuName"], item["type"]
    meter = f"{item['skuName']} {item['meterName']}"
    rule = _why_not(item, meter)
    if rule:
        reason = f"{item['productName']}, {item['skuName']}, {kind}, {item['unitOfMeasure']}"
        return Held(rule=rule, reason=reason, row=item)
    if starts_at.date() > captured_on:
        reason = f"holds from {starts_at:%Y-%m-%d}, after the capture"
        return Held(rule="not_yet_effective", reason=reason, row=item)
    held = instance_type("azure", name)
    if held is None:
        reason = f"{name} is of a GPU series, but how many of what is not in the table"
        return Held(rule="instance_type_unknown", reason=reason, row=item)
    if not held.is_whole:
        return Held(
            rule="fractional_gpu", reason=f"{name} holds {held.gpu_count} of a GPU", row=item
        )
    months = TERM_MONTHS.get(item.get("reservationTerm", ""))
    model = _purchase_model(item)
    if model == "reserved" and months is None:
        reason = f"reservationTerm is {item.get('reservationTerm')!r}"
        return Held(rule="term_unknown", reason=reason, row=item)
    price = decimal_or_none(item["retailPrice"])
    if price is not None and 0 < price <= PLACEHOLDER:
        reason = f"{price} for a machine with {held.gpu_count} GPUs is no price"
        return Held(rule="price_placeholder", reason=reason, row=item)
    return offer_or_held(
        item,
        price=item["retailPrice"],
        provider_id="azure",
        sku=name,
        gpu_name_printed=held.gpu,
        gpu_count=int(held.gpu_count),
        currency=item["currencyCode"].upper(),
        price_basis="instance",
        price_unit="term" if model == "reserved" else "hour",
        purchase_model=model,
        market_tier="hyperscaler",
        region=item["armRegionName"],
        commitment_months=months if model == "reserved" else None,
        gpu_memory_bytes=held.gpu_memory_bytes,
        form_factor=held.form_factor,
    )


def _purchase_model(item: Mapping[str, Any]) -> PurchaseModel:
    if item.get("type") == "Reservation":
        return "reserved"
    return "spot" if "Spot" in f"{item.get('skuName')} {item.get('meterName')}" else "on_demand"


def _why_not(item: Mapping[str, Any], meter: str) -> str | None:
    """Return the rule that keeps a row out which is no plain Linux machine, or None."""
    product = item["productName"]
    checks = (
        ("dev_test", item["type"] == "DevTestConsumption"),
        ("type_unknown", item["type"] not in {"Consumption", "Reservation"}),
        ("windows", product.endswith("Windows")),
        ("look_alike", item.get("serviceName") != "Virtual Machines" or "CloudServices" in product),
        # For batch accounts; not what a spot machine costs.
        ("low_priority", "Low Priority" in meter),
        ("unit_unknown", item["unitOfMeasure"] != "1 Hour"),
        ("volume_tier", bool(item.get("tierMinimumUnits"))),
        ("not_primary_meter", item.get("isPrimaryMeterRegion") is False),
        ("government_region", item["armRegionName"].startswith(("usgov", "usdod"))),
    )
    return next((rule for rule, is_so in checks if is_so), None)


SOURCE = Source(
    source_id="azure",
    title="Azure Retail Prices, GPU series",
    kind="api",
    homepage_url="https://azure.microsoft.com/en-us/pricing/details/virtual-machines/linux/",
    terms_url="https://learn.microsoft.com/en-us/rest/api/cost-management/retail-prices/azure-retail-prices",
    licence="terms",
    credit="Prices: Microsoft Azure Retail Prices API",
    may_redistribute=False,
    allowed_hosts=("prices.azure.com",),
    requests=requests,
    parse=parse,
    follow=follow,
    parser_version=1,
    reads_day=True,
    expected_rows=(4, 20000),
    price_basis="instance",
    known_gpus=frozenset({"H100 SXM"}),
)
