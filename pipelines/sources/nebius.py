"""Nebius's price page: prices per GPU-hour, on demand and preemptible.

The page carries its tables twice, as HTML and as JSON inside a script; either is read. A column
headed "Effective <date>" holds from that day on: before it, it is held, from then on it replaces
the on-demand column. "from $x" is the price of the smallest of several machines, and "Contact us"
is no price.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal

from bs4 import BeautifulSoup

from pipelines.sources.base import (
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
    offer_or_held,
)

URL = "https://nebius.com/prices"
TITLE = "NVIDIA GPU Instances"
SCRIPT_TABLE = re.compile(
    r'"title":"' + re.escape(TITLE) + r'".{0,400}?"table":\{"content":(?P<rows>\[\[.*?\]\])',
    re.DOTALL,
)
EFFECTIVE = re.compile(r"(?i)effective\s+(?P<day>[a-z]+ \d{1,2}, \d{4})")
DOLLARS = re.compile(r"^\$\s*(?P<amount>\d[\d,]*(?:\.\d+)?)$")


def requests(fetching: Fetching) -> list[Request]:
    """Ask for the page."""
    return [Request(key="prices", url=URL)]


def parse(payload: Payload) -> Iterator[Row]:
    """Yield the on-demand and spot price of each GPU of the table."""
    header, *rows = _table(payload)
    columns = {
        index: (_model(name), _effective_on(name))
        for index, name in enumerate(header)
        if "gpu-hour" in name.lower()
    }
    if not any(model == "on_demand" for model, _ in columns.values()):
        raise ParseError(f"{payload.where()}: no on-demand GPU-hour column in {header}")
    today = payload.captured_at.date()
    for cells in rows:
        yield from _offers(dict(enumerate(cells)), header, columns, today)


def _table(payload: Payload) -> list[list[str]]:
    text = payload.text()
    for block in BeautifulSoup(text, "lxml").select(".pc-highlight-table-block"):
        title = block.select_one(".pc-highlight-table-block__title")
        if title is not None and TITLE in title.get_text(" ", strip=True):
            return [
                [cell.get_text(" ", strip=True) for cell in row.select(f".{CELL}")]
                for row in block.select(f".{ROW}")
            ]
    # Inside a script the quotes are escaped once more.
    match = SCRIPT_TABLE.search(text.replace('\\"', '"'))
    if match is None:
        raise ParseError(f"{payload.where()}: no table headed {TITLE!r}; did the page change?")
    try:
        rows: list[list[str]] = json.loads(match["rows"])
    except ValueError as error:
        raise ParseError(f"{payload.where()}: table {TITLE!r} is broken off: {error}") from error
    return rows


ROW, CELL = "pc-highlight-table-block__row", "pc-highlight-table-block__cell"


def _model(header: str) -> PurchaseModel:
    return "spot" if "preemptible" in header.lower() else "on_demand"


def _effective_on(header: str) -> date | None:
    match = EFFECTIVE.search(header)
    return datetime.strptime(match["day"], "%B %d, %Y").date() if match else None  # noqa: DTZ007


def _offers(
    cells: Mapping[int, str],
    header: list[str],
    columns: Mapping[int, tuple[PurchaseModel, date | None]],
    today: date,
) -> Iterator[Row]:
    row = dict(zip(header, cells.values(), strict=False))
    name = cells[0]
    for model in ("on_demand", "spot"):
        dated = sorted(
            (effective_on or date.min, index)
            for index, (column_model, effective_on) in columns.items()
            if column_model == model
        )
        current = [index for effective_on, index in dated if effective_on <= today]
        for effective_on, index in dated:
            text = cells.get(index, "").replace("\xa0", " ").strip()
            match = DOLLARS.match(text)
            if not any(letter.isalnum() for letter in text):
                continue  # "––": not sold that way
            if effective_on > today:
                reason = f"{text} holds from {effective_on}, after the capture"
                yield Held(rule="not_yet_effective", reason=reason, row=row)
            elif index != current[-1]:
                continue  # a column that has come into force replaces this one
            elif text.lower().startswith("from "):
                reason = f"{name}: {text!r} is the price of the smallest machine only"
                yield Held(rule="price_from", reason=reason, row=row)
            elif match is None:
                rule = "price_on_request" if "contact" in text.lower() else "price_not_a_number"
                yield Held(rule=rule, reason=f"{name}: {text!r}", row=row)
            else:
                yield _offer(row, name, match["amount"].replace(",", ""), model)


def _offer(row: Mapping[str, str], name: str, price: str, model: PurchaseModel) -> Offer | Held:
    return offer_or_held(
        row,
        price=Decimal(price),
        provider_id="nebius",
        sku=name,
        gpu_name_printed=name,
        gpu_count=1,
        currency="USD",
        price_basis="gpu",
        price_unit="hour",
        purchase_model=model,
        market_tier="neocloud",
        vcpu_count=decimal_or_none(row.get("vCPUs")),
        form_factor="SXM" if "HGX" in name else None,
    )


SOURCE = Source(
    source_id="nebius",
    title="Nebius price page",
    kind="page",
    homepage_url=URL,
    terms_url="https://docs.nebius.com/legal",
    licence="terms",
    credit="Prices: Nebius",
    may_redistribute=False,
    allowed_hosts=("nebius.com",),
    requests=requests,
    parse=parse,
    parser_version=1,
    reads_day=True,
    expected_rows=(4, 40),
    currency="USD",
    price_basis="gpu",
    price_unit="hour",
    known_gpus=frozenset({"NVIDIA HGX H100", "NVIDIA HGX H200"}),
)
