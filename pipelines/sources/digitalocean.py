"""DigitalOcean's documentation of GPU Droplet prices: US dollars per Droplet and hour.

A section is known by the id of its heading. "(8x)" at the end of a name is the number of GPUs of
the Droplet; without it there is one. The kind of cooling precedes it. The third section, contracts,
prints no prices.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from bs4.element import Tag

from pipelines.sources.base import (
    TERMS_UNREAD,
    Held,
    ParseError,
    Payload,
    PurchaseModel,
    ReadRow,
    Row,
    Source,
    one_request,
)
from pipelines.sources.documents import soup_of
from pipelines.sources.price_page import (
    AMOUNT,
    each_priced,
    printed_offer,
    text_of,
)

URL = "https://docs.digitalocean.com/products/droplets/details/pricing/"
PER_HOUR = re.compile(r"\$" + AMOUNT + r" per hour")
COOLING = re.compile(r",\s{0,3}\w{1,20}-cooled$")
SIZE = re.compile(r"\s{0,3}\((?P<count>\d{1,4})x\)$")
SECTIONS: dict[str, PurchaseModel] = {
    "on-demand-gpu-droplet-pricing": "on_demand",
    "spot-gpu-droplet-pricing": "spot",
}


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield one offer for each GPU Droplet, on demand and spot."""
    soup = soup_of(payload)
    tables = {}
    for section in SECTIONS:
        heading = soup.find(id=section)
        table = heading.find_next("table") if heading is not None else None
        if table is None or text_of(table.find("tr")) != "GPU Price":
            raise ParseError(
                f"{payload.where()}: no table GPU | Price under #{section}; did the page change?"
            )
        tables[section] = table
    lines = (
        (line, SECTIONS[section])
        for section, table in tables.items()
        for line in table.select("tr:has(td)")
    )
    return each_priced(payload, lines, _offers)


def _offers(line_of_section: tuple[Tag, PurchaseModel]) -> Iterator[Row]:
    line, model = line_of_section
    cells = [text_of(cell) for cell in line.select("td")]
    name, price = (*cells, "", "")[:2]
    size = SIZE.search(name)
    printed = {"GPU": name, "Price": price}
    if size is None and re.search(r"\(\d{1,9}x\)", name):
        reason = f"the number of GPUs does not end the name {name!r}"
        yield Held(rule="gpu_count_not_whole", reason=reason, row=printed)
        return
    yield from printed_offer(
        printed,
        price,
        PER_HOUR,
        provider_id="digitalocean",
        sku=name,
        gpu_name_printed=COOLING.sub("", SIZE.sub("", name)),
        gpu_count=size["count"] if size else 1,
        currency="USD",
        price_basis="instance",
        price_unit="hour",
        purchase_model=model,
        market_tier="neocloud",
    )


SOURCE = Source(
    source_id="digitalocean",
    title="DigitalOcean Droplet pricing (documentation)",
    kind="page",
    homepage_url="https://www.digitalocean.com/pricing/gpu-droplets",
    terms_url="https://www.digitalocean.com/legal/terms-of-service-agreement",
    licence="terms",
    credit="Prices: DigitalOcean",
    may_redistribute=False,
    allowed_hosts=("docs.digitalocean.com",),
    requests=one_request("droplets", URL),
    parse=parse,
    row_of_answer="line of the GPU Droplets' tables",
    parser_version=1,
    verified_with="excerpt",
    verified_on=date(2026, 8, 18),
    expected_rows=(8, 60),
    currency="USD",
    price_basis="instance",
    price_unit="hour",
    known_gpus=frozenset({"NVIDIA H100", "AMD MI300X"}),
    disabled_reason=TERMS_UNREAD,
)
