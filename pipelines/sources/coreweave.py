"""CoreWeave's price page: US dollars per instance and hour, on demand and spot.

A row prints its name and figures twice, for phones and for desks; the labelled ones are read.
"4^1" GPUs is 4 with a footnote, and "(High Memory)" after a name is the memory of the host. A link
to the sales department stands where no price on demand does. The price of a single GPU for
inference is another product's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date

from bs4.element import Tag

from pipelines.sources.base import (
    NO_ACCELERATOR,
    TERMS_UNREAD,
    Held,
    OutOfScope,
    Payload,
    PurchaseModel,
    ReadRow,
    Row,
    Source,
    one_request,
)
from pipelines.sources.documents import soup_of
from pipelines.sources.fields import decimal_or_none, gigabytes_to_bytes
from pipelines.sources.price_page import (
    AMOUNT,
    cells_of,
    each_priced,
    grid_rows,
    headed,
    printed_offer,
    text_of,
)

URL = "https://www.coreweave.com/pricing"
DOLLARS = re.compile(r"\$" + AMOUNT)
PRICES: Mapping[PurchaseModel, re.Pattern[str]] = {
    "on_demand": re.compile(r"On-Demand Price: ?(?P<price>[^/]{0,40}?) ?/ Hour"),
    "spot": re.compile(r"Spot Price: ?(?P<price>[^/]{0,40}?) ?/ Hour"),
}
LABEL = re.compile(r"^\s{0,20}GPU Count\s{0,20}$")
ON_REQUEST = re.compile(r"(?i)\bcontact (?:us|sales)\b")
HOST = re.compile(r" \(\w{1,20} Memory\)$")
REGION = re.compile(r"(?i)REGION: ?(?P<name>.{1,60})")


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield the on-demand and the spot offer of each GPU instance."""
    soup = soup_of(payload)
    titles = headed(soup, soup.select("h3[data-product]"), ["h5"], REGION)
    rows: dict[int, tuple[Tag, Tag, re.Match[str] | None]] = {}
    for name, title in titles:
        row = _row_of(name)
        rows.setdefault(id(row), (row, name, REGION.fullmatch(title)))
    return each_priced(payload, rows.values(), _offers)


def _row_of(name: Tag) -> Tag:
    """Return the largest element around a name that holds the figures of no other row."""
    row = name
    for around in name.parents:
        counts = 0
        for part in around.descendants:  # as far as needed: the page may be long
            if isinstance(part, Tag):
                is_other = part.get("data-product", name["data-product"]) != name["data-product"]
            else:
                counts += LABEL.match(str(part)) is not None
                is_other = counts > 1
            if is_other:
                return row
        row = around
    return row


def _offers(found: tuple[Tag, Tag, re.Match[str] | None]) -> Iterator[Row]:
    row, heading, region = found
    # Of a figure: its value, and below it its label.
    pairs = (cells for tag in grid_rows(row) if len(cells := cells_of(tag)) == 2)
    labelled = {label: value for value, label in pairs if label}
    if "GPU Count" not in labelled:
        yield OutOfScope(NO_ACCELERATOR)
        return
    product, text = str(heading["data-product"]), text_of(row)
    for model, form in PRICES.items():
        printed = form.search(text)
        if printed is None and model == "on_demand":
            reason = f"{product}: no price on demand is printed"
            yield Held(rule="price_missing", reason=reason, row=labelled)
            continue
        price = printed["price"] if printed else ""
        if model == "on_demand" and not price and (link := ON_REQUEST.search(text)):
            price = link[0]
        yield from printed_offer(
            {"product": product, **labelled, model: price},
            price,
            DOLLARS,
            provider_id="coreweave",
            sku=product,
            gpu_name_printed=HOST.sub("", text_of(heading)),
            gpu_count=labelled["GPU Count"].partition("^")[0],
            currency="USD",
            price_basis="instance",
            price_unit="hour",
            purchase_model=model,
            market_tier="neocloud",
            region=region["name"].lower() if region else None,
            gpu_memory_bytes=gigabytes_to_bytes(labelled.get("VRAM")),
            vcpu_count=decimal_or_none(labelled.get("vCPUs")),
            memory_bytes=gigabytes_to_bytes(labelled.get("System RAM", "").replace(",", "")),
            form_factor="SXM" if "HGX" in text_of(heading) else None,
        )


SOURCE = Source(
    source_id="coreweave",
    title="CoreWeave price page",
    kind="page",
    homepage_url=URL,
    terms_url="https://www.coreweave.com/",
    licence="terms",
    credit="Prices: CoreWeave",
    may_redistribute=False,
    allowed_hosts=("www.coreweave.com",),
    requests=one_request("pricing", URL),
    parse=parse,
    row_of_answer="instance of a price table",
    parser_version=3,
    verified_with="excerpt",
    verified_on=date(2026, 8, 22),
    expected_rows=(8, 60),
    currency="USD",
    price_basis="instance",
    price_unit="hour",
    known_gpus=frozenset({"NVIDIA HGX H100", "NVIDIA HGX H200"}),
    disabled_reason=TERMS_UNREAD,
)
