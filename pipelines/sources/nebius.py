"""Nebius's price page: prices per GPU-hour, on demand and preemptible, in one table or two.

The page carries its tables twice, as HTML and as JSON inside a script; either is read, every table
with a column of GPU-hours. A column headed "Effective <date>" holds from that day on: before it, it
is held, from then on it replaces the column beside it. "from $x" is the price of the smallest of
several machines, and "Contact us" is no price.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
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
SCRIPT_TABLE = re.compile(r'"table":\{"content":(?=\[\[)')
EFFECTIVE = re.compile(r"(?i)effective\s{1,5}(?P<day>[a-z]{3,10} \d{1,2}, \d{4})")
DOLLARS = re.compile(r"\$\s{0,3}" + AMOUNT)
MODELS: Mapping[str, PurchaseModel] = {
    "preemptible": "spot",
    "spot": "spot",
    "on-demand": "on_demand",
}
WORD = re.compile(r"[a-z][a-z-]{0,30}")
NEUTRAL = {"gpu-hour", "price"}  # words of a header that say nothing of how its column sells
Columns = Mapping[int, tuple[PurchaseModel | None, date | None]]  # by their place
Line = tuple[list[str], list[str], Columns]  # the cells, and what the table says above them


def parse(payload: Payload) -> Iterator[ReadRow]:
    """Yield the on-demand and spot price of each GPU of the tables."""
    tables = [(table, _columns(table[0])) for table in _tables(payload)]
    if not any(model == "on_demand" for _, columns in tables for model, _ in columns.values()):
        headers = [table[0] for table, _ in tables]
        raise ParseError(
            f"{payload.where()}: no on-demand GPU-hour column in {headers}; did the page change?"
        )
    today = payload.seen_at.date()
    lines = ((cells, table[0], columns) for table, columns in tables for cells in table[1:])
    yield from each_row(payload, lines, lambda line: _offers(line, today), _printed)


def _tables(payload: Payload) -> list[list[list[str]]]:
    """Return the tables with a column of GPU-hours, each with its header first."""
    tables = []
    for row in grid_rows(soup_of(payload)):
        if _is_header(cells_of(row)):
            block = next((up for up in row.parents if len(grid_rows(up)) > 1), row)
            tables.append([cells_of(line) for line in grid_rows(block)])
    if tables:
        return tables
    # Inside a script the quotes are escaped once more.
    script = payload.text().replace('\\"', '"')
    for match in SCRIPT_TABLE.finditer(script):
        table = json_at(payload, script, match.end())
        tables.append([[*map(str, line)] if isinstance(line, list) else [] for line in table])
    return [table for table in tables if _is_header(table[0])]


def _is_header(cells: list[str]) -> bool:
    return any("gpu-hour" in cell.lower() for cell in cells)


def _columns(header: list[str]) -> Columns:
    """Return how and from when each column of prices sells; None where that cannot be told.

    A column that names no way to buy sells as the column beside it, if that is the only way.
    """
    columns: dict[int, tuple[set[str], date | None]] = {}
    for index, name in enumerate(header):
        if _is_header([name]):
            effective_on = _effective_on(name)
            rest = EFFECTIVE.sub("", name) if effective_on else name
            columns[index] = {*WORD.findall(rest.lower())} - NEUTRAL, effective_on
    stated = {MODELS[word] for words, _ in columns.values() for word in words if word in MODELS}
    only = stated.pop() if len(stated) == 1 else None
    return {
        index: (MODELS.get(" ".join(words)) if words else only, effective_on)
        for index, (words, effective_on) in columns.items()
    }


def _effective_on(header: str) -> date | None:
    match = EFFECTIVE.search(header)
    day = match["day"] if match else ""
    for form in ("%B %d, %Y", "%b %d, %Y"):
        with suppress(ValueError):
            # A printed day has no time of day, and so no time zone.
            return datetime.strptime(day, form).date()  # noqa: DTZ007
    return None


def _printed(line: Line) -> Mapping[str, str]:
    cells, header, _ = line
    return dict(zip(header, cells, strict=False))


def _offers(line: Line, today: date) -> Iterator[Row]:
    cells, header, columns = line
    if len(cells) != len(header):
        raise ValueError(f"{len(cells)} cells under {len(header)} headings")
    row, name = _printed(line), cells[0]
    current = {}  # by way to buy: the column that holds today
    for index, (model, effective_on) in sorted(
        columns.items(), key=lambda item: (item[1][1] or date.min, item[0])
    ):
        if (effective_on or date.min) <= today:
            current[model] = index
    for index, (model, effective_on) in columns.items():
        text = cells[index].replace("\xa0", " ").strip()
        match = DOLLARS.fullmatch(text)
        if not any(letter.isalnum() for letter in text):
            yield OutOfScope("not sold this way")
        elif model is None:
            reason = f"{name}: how {header[index]!r} sells cannot be told"
            yield Held(rule="kind_unknown", reason=reason, row=row)
        elif effective_on is not None and effective_on > today:
            reason = f"{text} holds from {effective_on}, after the capture"
            yield Held(rule="not_yet_effective", reason=reason, row=row)
        elif index != current[model]:
            yield OutOfScope("a column that another one has replaced")
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
    row_of_answer="line of a GPU table",
    parser_version=3,
    verified_with="excerpt",
    verified_on=date(2026, 8, 1),
    reads_day=True,
    expected_rows=(4, 40),
    currency="USD",
    price_basis="gpu",
    price_unit="hour",
    known_gpus=frozenset({"NVIDIA HGX H100", "NVIDIA HGX H200"}),
)
