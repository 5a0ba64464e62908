"""Nebius's price page: prices per GPU-hour, on demand and preemptible.

The page carries its tables twice, as HTML and as JSON inside a script; either is read. A column
headed "Effective <date>" holds from that day on: before it, it is held, from then on it replaces
the on-demand column. "from $x" is the price of the smallest of several machines, and "Contact us"
is no price.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal

from pipelines.sources.base import (
    Held,
    Offer,
    OutOfScope,
    ParseError,
    Payload,
    PurchaseModel,
    ReadRow,
    Row,
    Source,
    one_request,
)
from pipelines.sources.documents import soup_of
from pipelines.sources.fields import (
    decimal_or_none,
    each_row,
    offer_or_held,
)
from pipelines.sources.price_page import AMOUNT, cells_of, grid_rows, json_at

URL = "https://nebius.com/prices"
TITLE = "NVIDIA GPU Instances"
SCRIPT_TABLE = re.compile(
    r'"title":"' + re.escape(TITLE) + r'".{0,400}?"table":\{"content":(?=\[\[)',
    re.DOTALL,
)
MAX_TITLES = 20  # texts of the page that are looked at
EFFECTIVE = re.compile(r"(?i)effective\s{1,5}(?P<day>[a-z]{3,10} \d{1,2}, \d{4})")
DOLLARS = re.compile(r"\$\s{0,3}" + AMOUNT)


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield the on-demand and spot price of each GPU of the table."""
    table = _table(payload)
    if not table or not all(isinstance(name, str) for name in table[0]):
        raise ParseError(f"{payload.where()}: table {TITLE!r} has no header; did the page change?")
    header, *rows = table
    columns = {
        index: (_model(name), _effective_on(name))
        for index, name in enumerate(header)
        if "gpu-hour" in name.lower()
    }
    if not any(model == "on_demand" for model, _ in columns.values()):
        raise ParseError(f"{payload.where()}: no on-demand GPU-hour column in {header}")
    today = payload.seen_at.date()
    yield from each_row(
        payload, rows, lambda cells: _offers(dict(enumerate(cells)), header, columns, today)
    )


def _table(payload: Payload) -> list[list[str]]:
    soup = soup_of(payload)
    for title in soup.find_all(string=re.compile(re.escape(TITLE)), limit=MAX_TITLES):
        block = next((up for up in title.parents if len(grid_rows(up)) > 1), None)
        if block is None or block.find("script") is title.parent:
            continue
        lines = [cells_of(row) for row in grid_rows(block)]
        header = next((n for n, cells in enumerate(lines) if _is_header(cells)), None)
        if header is not None:
            return [cells for cells in lines[header:] if len(cells) == len(lines[header])]
    # Inside a script the quotes are escaped once more.
    script = payload.text().replace('\\"', '"')
    match = SCRIPT_TABLE.search(script)
    if match is None:
        raise ParseError(f"{payload.where()}: no table headed {TITLE!r}; did the page change?")
    rows: list[list[str]] = json_at(payload, script, match.end())
    return rows


def _is_header(cells: list[str]) -> bool:
    return any("gpu-hour" in cell.lower() for cell in cells)


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
            match = DOLLARS.fullmatch(text)
            if not any(letter.isalnum() for letter in text):
                yield OutOfScope("not sold this way")
                continue
            if effective_on > today:
                reason = f"{text} holds from {effective_on}, after the capture"
                yield Held(rule="not_yet_effective", reason=reason, row=row)
            elif index != current[-1]:
                yield OutOfScope("a column that another one has replaced")
                continue
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
    requests=one_request("prices", URL),
    parse=parse,
    row_of_answer="line of the GPU table",
    parser_version=2,
    verified_with="excerpt",
    verified_on=date(2026, 8, 1),
    reads_day=True,
    expected_rows=(4, 40),
    currency="USD",
    price_basis="gpu",
    price_unit="hour",
    known_gpus=frozenset({"NVIDIA HGX H100", "NVIDIA HGX H200"}),
)
