"""Azure's Retail Prices API: on demand, spot and reservations of the GPU series, all regions.

The API names no GPU: ``instance_types`` says what an armSkuName holds. One request a series and
as many pages as it has; a row is read under the series that its armSkuName begins with, so that a
filter which the server ignored gives no row twice. A reservation's price is of the whole term.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from pipelines.sources.base import (
    Fetching,
    Held,
    Offer,
    OutOfScope,
    Payload,
    PurchaseModel,
    ReadRow,
    Request,
    Row,
    Source,
)
from pipelines.sources.fields import decimal_or_none, each_row, objects_at, offer_or_held, yes_or_no
from pipelines.sources.instance_types import instance_type, type_name

URL = "https://prices.azure.com/api/retail/prices"
SERIES = {"nc": "Standard_NC", "nd": "Standard_ND", "ng": "Standard_NG", "nv": "Standard_NV"}
MAX_PAGES = 40  # of 1,000 rows, a series
DOUBTFUL = (
    "price_",
    "shape_",
    "type_",
    "unit_",
    "duplicate_",
)  # rules of rows that may have been a price
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


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield the on-demand, spot and reserved offers of the page; all else of the series is held."""
    prefix, seen_on = (
        SERIES.get(payload.key.partition(":")[0], "Standard_N"),
        payload.seen_at.date(),
    )

    def read(item: Mapping[str, Any]) -> list[Row]:
        name = item["armSkuName"].strip().casefold()
        if name.startswith(prefix.casefold()):
            return [_offer(item, seen_on)]
        if name.startswith(tuple(other.casefold() for other in SERIES.values())):
            return [OutOfScope("of a series that is asked for under another key")]
        reason = f"{item['armSkuName']!r} begins with no GPU series"
        return [Held(rule="instance_type_unknown", reason=reason, row=item)]

    rows = list(each_row(payload, objects_at(payload, "Items"), read))
    newest: dict[tuple[object, ...], ReadRow] = {}
    damaged: set[tuple[object, ...]] = set()
    for row in rows:
        record, item = row.found[0], row.printed
        if isinstance(record, Offer):
            other = newest.setdefault(_key(record), row)
            if _starts_at(other.printed) < _starts_at(item):
                newest[_key(record)] = row
        elif isinstance(record, Held) and record.rule.startswith(DOUBTFUL):
            machine = str(item.get("armSkuName")), str(item.get("armRegionName"))
            damaged.add((*machine, _purchase_model(item)))
    for row in rows:
        yield ReadRow(row.printed, (_compared(row, newest, damaged),))


def _key(offer: Offer) -> tuple[object, ...]:
    return offer.sku, offer.region, offer.purchase_model, offer.commitment_months


def _starts_at(item: Mapping[str, Any]) -> datetime:
    # Not said: any dated price is newer.
    return _moment(item.get("effectiveStartDate")) or datetime.min.replace(tzinfo=UTC)


def _moment(printed: str | None) -> datetime | None:
    if printed is None:
        return None
    moment = datetime.fromisoformat(printed)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _compared(
    row: ReadRow, newest: Mapping[tuple[object, ...], ReadRow], damaged: set[tuple[object, ...]]
) -> Row:
    """Return the offer of a row, unless other rows of the page make it doubtful."""
    offer, item = row.found[0], row.printed
    if not isinstance(offer, Offer):
        return offer
    if newest[_key(offer)] is not row:
        reason = f"a newer price of {offer.sku} in {offer.region} stands beside it"
        return Held(rule="superseded", reason=reason, row=item)
    # A price that cannot be read may have replaced this one; spot is compared with on demand.
    models = ["spot", "on_demand"] if offer.purchase_model == "spot" else [offer.purchase_model]
    if any((offer.sku, offer.region, model) in damaged for model in models):
        reason = f"another price of {offer.sku} in {offer.region} cannot be read"
        return Held(rule="price_in_doubt", reason=reason, row=item)
    on_demand = newest.get((offer.sku, offer.region, "on_demand", None))
    price = on_demand.found[0] if on_demand and offer.purchase_model == "spot" else None
    if isinstance(price, Offer) and price.price_amount == offer.price_amount:
        reason = f"spot is {offer.price_amount}, the price on demand: spot is not known"
        return Held(rule="spot_equals_on_demand", reason=reason, row=item)
    return offer


def _offer(item: Mapping[str, Any], seen_on: date) -> Row:
    name, kind, starts_at = type_name("azure", item["armSkuName"]), item["type"], _starts_at(item)
    meter = f"{item['skuName']} {item['meterName']}"
    rule = _why_not(item, meter)
    if rule:
        reason = f"{item['productName']}, {item['skuName']}, {kind}, {item['unitOfMeasure']}"
        return Held(rule=rule, reason=reason, row=item)
    if starts_at.date() > seen_on:
        reason = f"holds from {starts_at:%Y-%m-%d}, after the capture"
        return Held(rule="not_yet_effective", reason=reason, row=item)
    ends_at = _moment(item.get("effectiveEndDate"))
    if ends_at is not None and ends_at.date() < seen_on:
        reason = f"held until {ends_at:%Y-%m-%d}, before the capture"
        return Held(rule="expired", reason=reason, row=item)
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
    """Return the rule that excludes a row that is not a plain Linux machine, or None."""
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
        ("not_primary_meter", yes_or_no(item.get("isPrimaryMeterRegion")) is False),
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
    row_of_answer="element of Items",
    follow=follow,
    parser_version=2,
    verified_with="excerpt",
    verified_on=date(2026, 7, 27),
    reads_day=True,
    expected_rows=(4, 20000),
    price_basis="instance",
    known_gpus=frozenset({"H100 SXM"}),
)
